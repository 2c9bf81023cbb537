#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sockdiag/request.h"
#include "sockdiag/result.h"
#include "sockdiag/transport.h"

namespace sockdiag {

/// How long a conversation bears that nothing useful comes, in total. The kernel answers a dump
/// within the system calls that ask for it, so any silence is a fault; but the caller is an event
/// loop that must not stand still.
inline constexpr Milliseconds kPatience{250};

/// The clock starts when nothing useful came for the first time. After the time is up there is one
/// last look, because the process may have been stopped (SIGSTOP) for all of that time with the
/// answer in its queue.
class Patience {
 public:
  explicit Patience(Transport& transport) : transport_(transport) {}

  /// How long to wait now, zero for the last look; nothing when patience is at its end.
  std::optional<Milliseconds> left();

 private:
  Transport& transport_;
  std::optional<Milliseconds> deadline_;
  bool lastLookTaken_ = false;
};

/// Takes in the sockets of a dump.
class DumpSink {
 public:
  /// A dump begins; what an earlier one brought is void.
  virtual void restart() = 0;
  /// One socket. A failure ends the dump with it.
  virtual Status add(Bytes payload) = 0;

  DumpSink(const DumpSink&) = delete;
  DumpSink& operator=(const DumpSink&) = delete;

 protected:
  DumpSink() = default;
  ~DumpSink() = default;
};

/// Takes in the answers to lookups, in the order of the questions.
class LookupSink {
 public:
  /// The socket that was asked for. A failure of either ends the lookups with it.
  virtual Status found(std::size_t index, Bytes payload) = 0;
  virtual Status gone(std::size_t index) = 0;

  LookupSink(const LookupSink&) = delete;
  LookupSink& operator=(const LookupSink&) = delete;

 protected:
  LookupSink() = default;
  ~LookupSink() = default;
};

/// The kernel answers every lookup with a datagram of its own, all of them before sendmsg()
/// returns: so many, of 1.3 KiB each, fit a receive buffer a tenth of the default. Sent together
/// they cost two fifths less (measured: 1.6 us each instead of 2.7), and more gain next to nothing.
inline constexpr std::size_t kLookupsAtOnce = 16;

/// A dump that the kernel calls inconsistent, or had no memory for, is asked again this often.
inline constexpr int kMaxRepeats = 3;

/// Questions and whole answers over one transport.
class Conversation {
 public:
  explicit Conversation(Transport& transport) : transport_(transport) {}

  /// Feeds the sink with every socket of the answer up to its end, or fails: there is no half an
  /// answer. NLM_F_DUMP_INTR and ENOBUFS have the whole dump asked again; the failure after the
  /// last repeat has EINTR or ENOBUFS. An answer that was not read to its end, for whatever reason,
  /// has the transport dropped: a new socket() is cheaper than doubt about what is in the queue.
  Status dump(Request request, DumpSink& sink);

  /// Asks for single sockets: `make` gives the question with an index below `count`. Fails unless
  /// each one was answered; then, too, the transport is dropped.
  template <typename Make>
  Status lookUp(std::size_t count, Make make, LookupSink& sink) {
    for (std::size_t first = 0; first < count; first += kLookupsAtOnce) {
      LookupBatch batch;
      batch.first = first;
      batch.sequence = sequence_ + 1;
      for (; batch.size < kLookupsAtOnce && first + batch.size < count; ++batch.size) {
        append(batch, make(first + batch.size));
      }
      if (auto answered = ask(batch, sink); !answered.ok()) {
        transport_.drop();
        return answered;
      }
    }
    return Done{};
  }

 private:
  struct LookupBatch {
    std::size_t first = 0;
    std::uint32_t sequence = 0;
    std::size_t size = 0;
    std::size_t byteCount = 0;
    std::array<std::byte, kLookupsAtOnce * Request::kCapacity> bytes;
  };

  void append(LookupBatch& batch, Request request);
  Status ask(const LookupBatch& batch, LookupSink& sink);

  enum class Ending : std::uint8_t { kComplete, kInterrupted };

  Result<Ending> ask(Request& request, DumpSink& sink, Patience& patience);
  /// After nothing useful came.
  Status bear(Patience& patience, bool queueIsEmpty);

  Transport& transport_;
  std::uint32_t sequence_ = 0;
};

}  // namespace sockdiag
