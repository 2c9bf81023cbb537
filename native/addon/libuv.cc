#include "libuv.h"

namespace addon {

namespace {

/// Bun defines all of libuv's functions, and ends the process if one is called.
bool isBun(napi_env env) {
  napi_value global = nullptr;
  bool has = false;
  napi_get_global(env, &global);
  return napi_has_named_property(env, global, "Bun", &has) != napi_ok || has;
}

bool hasLibuv() {
  return uv_handle_size != nullptr && uv_handle_get_data != nullptr &&
         uv_handle_set_data != nullptr && uv_unref != nullptr && uv_close != nullptr &&
         uv_poll_init != nullptr && uv_poll_start != nullptr && uv_poll_stop != nullptr &&
         uv_timer_init != nullptr && uv_timer_start != nullptr && uv_timer_stop != nullptr &&
         uv_update_time != nullptr && uv_hrtime != nullptr;
}

}  // namespace

uv_loop_s* libuvLoop(napi_env env) {
  uv_loop_s* loop = nullptr;
  const bool has = hasLibuv() && !isBun(env) && napi_get_uv_event_loop(env, &loop) == napi_ok;
  return has ? loop : nullptr;
}

}  // namespace addon
