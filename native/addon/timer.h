#pragma once

#include <node_api.h>

#include <cstdint>

namespace addon {

/// A timer in the event loop of its environment, which it keeps alive while it is started.
class Timer {
 public:
  using Callback = void (*)(void* data);

  /// Stores itself in `slot`, and clears it when it ends, at the latest with the environment. False
  /// if the runtime has no libuv loop, or memory is short.
  static bool create(napi_env env, Callback onTick, void* data, Timer*& slot);

  /// Calls back each time the interval has passed.
  void start(std::uint64_t intervalMs);
  void stop();

  /// After this there are no callbacks, and `slot` may be destroyed.
  void end();

  /// The monotonic clock of libuv, and of Node.js's performance.now(), in nanoseconds.
  static std::uint64_t now();

  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  Timer(uv_loop_s* loop, Callback onTick, void* data, Timer*& slot)
      : loop_(loop), onTick_(onTick), data_(data), slot_(&slot) {}
  ~Timer() = default;

  struct Libuv;

  uv_loop_s* loop_;
  Callback onTick_;
  void* data_;
  /// Null once ended.
  Timer** slot_;
  void* handle_ = nullptr;
  napi_async_cleanup_hook_handle cleanupHook_ = nullptr;
};

}  // namespace addon
