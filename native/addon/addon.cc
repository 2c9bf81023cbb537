#include <napi.h>

#include "environment.h"
#include "exports.h"

// The table of exports. The requests to the kernel are made by the core library, sockdiag.

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  if (!addon::Environment::create(env)) return exports;
  exports.Set("sourceHash", SOURCE_HASH);
  exports.Set("SockDiag", addon::defineSockDiag(env));
  exports.Set("TcpTracker", addon::defineTcpTracker(env));
  exports.Set("UnixTracker", addon::defineUnixTracker(env));
  exports.Set("PollLoop", addon::definePollLoop(env));
  exports.Set("listenAbstract", addon::defineListenAbstract(env));
  exports.Set("closeAbstract", addon::defineCloseAbstract(env));
  exports.Set("reapOrphans", addon::defineReapOrphans(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(sockdiag, initialize)
