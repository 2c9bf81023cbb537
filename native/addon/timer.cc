#include "timer.h"

#include <cstdlib>
#include <new>

#include "libuv.h"

namespace addon {

namespace {

uv_handle_s* asHandle(void* handle) { return static_cast<uv_handle_s*>(handle); }
uv_timer_s* asTimer(void* handle) { return static_cast<uv_timer_s*>(handle); }

}  // namespace

/// The callbacks for libuv and Node-API.
struct Timer::Libuv {
  static Timer* timerOf(uv_handle_s* handle) {
    return static_cast<Timer*>(uv_handle_get_data(handle));
  }

  static void tick(uv_timer_s* handle) {
    const auto* const timer = timerOf(asHandle(handle));
    timer->onTick_(timer->data_);
  }

  /// Only now has libuv released the handle, and the environment may end.
  static void closed(uv_handle_s* handle) {
    auto* const timer = timerOf(handle);
    napi_remove_async_cleanup_hook(timer->cleanupHook_);
    std::free(timer->handle_);
    std::free(timer);
  }

  static void environmentEnds(napi_async_cleanup_hook_handle /*hook*/, void* timer) {
    static_cast<Timer*>(timer)->end();
  }
};

bool Timer::create(napi_env env, Callback onTick, void* data, Timer*& slot) {
  auto* const loop = libuvLoop(env);
  if (loop == nullptr) return false;

  auto* const memory = std::malloc(sizeof(Timer));
  auto* const handle = std::malloc(uv_handle_size(kUvTimer));
  if (memory == nullptr || handle == nullptr || uv_timer_init(loop, asTimer(handle)) != 0) {
    std::free(handle);
    std::free(memory);
    return false;
  }
  auto* const timer = new (memory) Timer{loop, onTick, data, slot};
  timer->handle_ = handle;
  uv_handle_set_data(asHandle(handle), timer);
  napi_add_async_cleanup_hook(env, Libuv::environmentEnds, timer, &timer->cleanupHook_);
  slot = timer;
  return true;
}

void Timer::start(std::uint64_t intervalMs) {
  // The loop's time is that of its last turn, and JavaScript may have run for long since.
  uv_update_time(loop_);
  uv_timer_start(asTimer(handle_), Libuv::tick, intervalMs, intervalMs);
}

void Timer::stop() { uv_timer_stop(asTimer(handle_)); }

void Timer::end() {
  // The environment may end while libuv is still closing the handle.
  if (slot_ == nullptr) return;
  *slot_ = nullptr;
  slot_ = nullptr;
  stop();
  uv_close(asHandle(handle_), Libuv::closed);
}

std::uint64_t Timer::now() { return uv_hrtime(); }

}  // namespace addon
