#pragma once

#include <node_api.h>

#include "sockdiag/list.h"
#include "sockdiag/shared_kernel.h"
#include "wakeup.h"

namespace addon {

/// Lets the event loop read the destroy events of all trackers, by one wakeup of one descriptor,
/// and tells the trackers that are waiting for one.
class DestroyedWatch final : private sockdiag::SharedDestroyEvents::Waker {
 public:
  /// A tracker that is waiting.
  class Waiting {
   public:
    /// There may be events in its queue. May add and remove any, itself included.
    virtual void mayHaveEvents() = 0;

    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   protected:
    Waiting() = default;
    ~Waiting() = default;
  };

  DestroyedWatch() = default;
  DestroyedWatch(const DestroyedWatch&) = delete;
  DestroyedWatch& operator=(const DestroyedWatch&) = delete;

  /// Its queue in `kernel` must be open. False if the runtime cannot watch a descriptor, or if
  /// memory is short.
  bool add(napi_env env, sockdiag::SharedKernel& kernel, Waiting& waiting);
  /// Must come before its queue is closed.
  void remove(Waiting& waiting);

 private:
  static void readable(void* self) { static_cast<DestroyedWatch*>(self)->read(); }
  void read();
  void wake() override;

  /// Null while there is none waiting.
  sockdiag::SharedKernel* kernel_ = nullptr;
  sockdiag::List<Waiting*> waiting_;
  Wakeup* wakeup_ = nullptr;
};

}  // namespace addon
