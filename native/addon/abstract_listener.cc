#include "sockdiag/abstract_listener.h"

#include "exports.h"
#include "values.h"

namespace addon {

namespace {

// Returns a descriptor and not an object: it is called again as long as a fault lasts, and creating
// an object ends the process when memory is short (Node-API).
Napi::Value listenAbstract(const Napi::CallbackInfo& info) {
  const auto name = toName(info[0]);
  if (!name) return {};
  auto listener = sockdiag::listenAbstract(*name);
  if (listener.ok()) return Napi::Number::New(info.Env(), listener.value().release());
  throwFailure(info.Env(), listener.failure());
  return {};
}

}  // namespace

Napi::Function defineListenAbstract(Napi::Env env) {
  return Napi::Function::New<listenAbstract>(env, "listenAbstract");
}

}  // namespace addon
