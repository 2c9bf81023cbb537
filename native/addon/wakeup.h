#pragma once

#include <node_api.h>

namespace addon {

/// Watches for a descriptor to become readable, in the event loop of its environment, without
/// keeping that loop alive.
class Wakeup {
 public:
  using Callback = void (*)(void* data);

  /// Stores itself in `slot`, and clears it when it ends, at the latest with the environment. False
  /// if the runtime has no libuv loop: Node-API alone cannot watch a descriptor.
  static bool start(napi_env env, int descriptor, Callback onReady, void* data, Wakeup*& slot);

  /// Calls back from the event loop, also if the descriptor is not readable. It must be a socket
  /// that nothing is sent on.
  void wake();

  /// After this there are no callbacks; the descriptor may be closed, and `slot` may be destroyed.
  void stop();

  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

 private:
  Wakeup(Callback onReady, void* data, Wakeup*& slot)
      : onReady_(onReady), data_(data), slot_(&slot) {}
  ~Wakeup() = default;

  struct Libuv;

  void watch();

  Callback onReady_;
  void* data_;
  /// Null once stopped.
  Wakeup** slot_;
  void* handle_ = nullptr;
  napi_async_cleanup_hook_handle cleanupHook_ = nullptr;
  bool isWoken_ = false;
};

}  // namespace addon
