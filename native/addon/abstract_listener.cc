#include "sockdiag/abstract_listener.h"

#include "exports.h"
#include "values.h"

namespace addon {

namespace {

// A descriptor and not an object: it is asked for again and again while a fault lasts, and for an
// object Node-API ends the process where there is no memory.
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
