#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

// The libuv functions used here, declared because libuv's header ships with Node.js and not with
// Node-API. libuv keeps them stable within version 1. Weak, so that the addon also loads where they
// are missing.
extern "C" {
struct uv_handle_s;
struct uv_poll_s;
struct uv_timer_s;
using uv_close_cb = void (*)(uv_handle_s*);
using uv_poll_cb = void (*)(uv_poll_s*, int status, int events);
using uv_timer_cb = void (*)(uv_timer_s*);

[[gnu::weak]] std::size_t uv_handle_size(int type);
[[gnu::weak]] void* uv_handle_get_data(const uv_handle_s*);
[[gnu::weak]] void uv_handle_set_data(uv_handle_s*, void* data);
[[gnu::weak]] void uv_unref(uv_handle_s*);
[[gnu::weak]] void uv_close(uv_handle_s*, uv_close_cb);
[[gnu::weak]] int uv_poll_init(uv_loop_s*, uv_poll_s*, int fd);
[[gnu::weak]] int uv_poll_start(uv_poll_s*, int events, uv_poll_cb);
[[gnu::weak]] int uv_poll_stop(uv_poll_s*);
[[gnu::weak]] int uv_timer_init(uv_loop_s*, uv_timer_s*);
[[gnu::weak]] int uv_timer_start(uv_timer_s*, uv_timer_cb, std::uint64_t timeoutMs,
                                 std::uint64_t repeatMs);
[[gnu::weak]] int uv_timer_stop(uv_timer_s*);
[[gnu::weak]] void uv_update_time(uv_loop_s*);
[[gnu::weak]] std::uint64_t uv_hrtime();
}

namespace addon {

constexpr int kUvPoll = 8;    // UV_POLL of uv_handle_type
constexpr int kUvTimer = 13;  // UV_TIMER

/// The event loop of an environment; null if it has none of libuv's, or not all of these functions.
uv_loop_s* libuvLoop(napi_env env);

}  // namespace addon
