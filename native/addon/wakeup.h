#pragma once

#include <node_api.h>

namespace addon {

/// Tells when a descriptor becomes readable, from the event loop of its environment, which it does
/// not keep alive.
class Wakeup {
 public:
  using Callback = void (*)(void* data);

  /// Puts itself into `slot`, and a null pointer in its place when it ends, which it does with the
  /// environment at the latest. False where the runtime has no libuv loop: Node-API alone cannot
  /// wait for a descriptor.
  static bool start(napi_env env, int descriptor, Callback onReadable, void* data, Wakeup*& slot);

  /// No callback comes after this; the descriptor may be closed, and the slot may go.
  void stop();

  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

 private:
  Wakeup(Callback onReadable, void* data, Wakeup*& slot)
      : onReadable_(onReadable), data_(data), slot_(&slot) {}
  ~Wakeup() = default;

  struct Libuv;

  Callback onReadable_;
  void* data_;
  /// Null once it has been stopped.
  Wakeup** slot_;
  void* handle_ = nullptr;
  napi_async_cleanup_hook_handle cleanupHook_ = nullptr;
};

}  // namespace addon
