#pragma once

#include <cstddef>
#include <span>

#include "sockdiag/destroy_events.h"
#include "sockdiag/list.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

class SharedDestroyEvents;

/// The destroy events of one local port, from the moment that the queue was opened. What the
/// kernel's queue of a socket of its own would be: other queues may read the shared socket at any
/// time, and this one keeps its events until they are taken.
class DestroyEventQueue {
 public:
  /// `shared` must outlive it.
  DestroyEventQueue(SharedDestroyEvents& shared, Port localPort)
      : shared_(shared), localPort_(localPort) {}
  DestroyEventQueue(const DestroyEventQueue&) = delete;
  DestroyEventQueue& operator=(const DestroyEventQueue&) = delete;
  ~DestroyEventQueue();

  /// Fails also if it is open and the source has failed since. Not tried again after a failure.
  Status open();

  /// Opens it if it has never been, reads the shared socket, and passes this queue's events to the
  /// sink. Returns whether any of them may be lost: the kernel does not say of which port a lost
  /// event was.
  Result<EventLoss> take(DestroyedSink& sink);

  /// Whether take() would return something that has been read already.
  bool hasEvents() const { return !events_.empty() || loss_ == EventLoss::kSome; }
  /// Whether the waker is called when another queue has read an event of this one; at once if that
  /// has happened already.
  void setWatched(bool isWatched);

 private:
  friend class SharedDestroyEvents;

  void add(const TcpSocket& socket);

  SharedDestroyEvents& shared_;
  Port localPort_;
  bool isOpen_ = false;
  bool hasFailed_ = false;
  bool isWatched_ = false;
  EventLoss loss_ = EventLoss::kNone;
  List<TcpSocket> events_;
};

/// One source of destroy events for any number of queues. It is open as long as one of them is.
/// Not thread-safe.
class SharedDestroyEvents final : private DestroyedSink {
 public:
  class Waker {
   public:
    /// A watched queue has events that its owner does not know of.
    virtual void wake() = 0;

    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;

   protected:
    Waker() = default;
    ~Waker() = default;
  };

  explicit SharedDestroyEvents(DestroyEventSource& source) : source_(source) {}

  /// Reads the source without waking: the caller looks after all watched queues. Once the source
  /// has failed it keeps failing until the last queue is closed.
  Status read() { return readFor(nullptr); }

  /// Null for none.
  void setWaker(Waker* waker) { waker_ = waker; }

 private:
  friend class DestroyEventQueue;

  Status open(DestroyEventQueue& queue);
  void close(DestroyEventQueue& queue);
  Status status() const;
  Status readAndWake(DestroyEventQueue& reader);
  void wake();
  Status readFor(const DestroyEventQueue* reader);
  void destroyed(const TcpSocket& socket) override;
  void loseEvents();
  Status filterByPorts();
  static Port portOf(const DestroyEventQueue* queue) { return queue->localPort_; }

  DestroyEventSource& source_;
  Waker* waker_ = nullptr;
  /// In the order of their ports.
  List<DestroyEventQueue*> queues_;
  bool hasFailed_ = false;
  const DestroyEventQueue* reader_ = nullptr;
  bool mustWake_ = false;
};

}  // namespace sockdiag
