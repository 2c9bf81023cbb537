#include <napi.h>

#include "mark_function.h"
#include "orphans_function.h"
#include "sock_diag_object.h"
#include "tcp_tracker_object.h"
#include "unix_tracker_object.h"

// The table of exports. What is asked of the kernel, and how, is libsockdiag's.

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("sourceHash", SOURCE_HASH);
  exports.Set("SockDiag", addon::defineSockDiag(env));
  exports.Set("TcpTracker", addon::defineTcpTracker(env));
  exports.Set("UnixTracker", addon::defineUnixTracker(env));
  exports.Set("listenAbstract", addon::defineListenAbstract(env));
  exports.Set("reapOrphans", addon::defineReapOrphans(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(sockdiag, initialize)
