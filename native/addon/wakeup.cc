#include "wakeup.h"

#include <cstdlib>
#include <new>

#include "libuv.h"

namespace addon {

namespace {

constexpr int kUvReadable = 1;  // UV_READABLE and UV_WRITABLE of uv_poll_event
constexpr int kUvWritable = 2;

uv_handle_s* asHandle(void* handle) { return static_cast<uv_handle_s*>(handle); }
uv_poll_s* asPoll(void* handle) { return static_cast<uv_poll_s*>(handle); }

}  // namespace

/// The callbacks for libuv and Node-API.
struct Wakeup::Libuv {
  /// libuv stops watching before it reports an error, which an overflow of the queue is, too. If
  /// the descriptor is unusable, the callback finds that out and stops this.
  static void ready(uv_poll_s* poll, int status, int events) {
    auto* const handle = reinterpret_cast<uv_handle_s*>(poll);
    auto* const wakeup = static_cast<Wakeup*>(uv_handle_get_data(handle));
    wakeup->isWoken_ = false;
    wakeup->onReady_(wakeup->data_);
    if (wakeup->slot_ != nullptr && (status < 0 || events != kUvReadable)) wakeup->watch();
  }

  /// Only now has libuv released the handle, and the environment may end.
  static void closed(uv_handle_s* handle) {
    auto* const wakeup = static_cast<Wakeup*>(uv_handle_get_data(handle));
    napi_remove_async_cleanup_hook(wakeup->cleanupHook_);
    std::free(wakeup->handle_);
    std::free(wakeup);
  }

  static void environmentEnds(napi_async_cleanup_hook_handle /*hook*/, void* wakeup) {
    static_cast<Wakeup*>(wakeup)->stop();
  }
};

bool Wakeup::start(napi_env env, int descriptor, Callback onReady, void* data, Wakeup*& slot) {
  auto* const loop = libuvLoop(env);
  if (loop == nullptr) return false;

  auto* const memory = std::malloc(sizeof(Wakeup));
  auto* const handle = std::malloc(uv_handle_size(kUvPoll));
  if (memory == nullptr || handle == nullptr ||
      uv_poll_init(loop, asPoll(handle), descriptor) != 0) {
    std::free(handle);
    std::free(memory);
    return false;
  }
  auto* const wakeup = new (memory) Wakeup{onReady, data, slot};
  wakeup->handle_ = handle;
  uv_handle_set_data(asHandle(wakeup->handle_), wakeup);
  uv_unref(asHandle(wakeup->handle_));
  napi_add_async_cleanup_hook(env, Libuv::environmentEnds, wakeup, &wakeup->cleanupHook_);
  wakeup->watch();
  slot = wakeup;
  return true;
}

// A socket that nothing is sent on is always writable.
void Wakeup::wake() {
  isWoken_ = true;
  watch();
}

void Wakeup::watch() {
  uv_poll_start(asPoll(handle_), isWoken_ ? kUvReadable | kUvWritable : kUvReadable, Libuv::ready);
}

void Wakeup::stop() {
  // The environment may end while libuv is still closing the handle.
  if (slot_ == nullptr) return;
  *slot_ = nullptr;
  slot_ = nullptr;
  uv_poll_stop(asPoll(handle_));
  uv_close(asHandle(handle_), Libuv::closed);
}

}  // namespace addon
