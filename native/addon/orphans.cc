#include "sockdiag/orphans.h"

#include "exports.h"
#include "values.h"

namespace addon {

namespace {

Napi::Value reapOrphans(const Napi::CallbackInfo& info) {
  const auto own = toPid(info[0]);
  return own ? valueOrThrow(info.Env(), sockdiag::reapOrphans(*own)) : Napi::Value{};
}

}  // namespace

Napi::Function defineReapOrphans(Napi::Env env) {
  return Napi::Function::New<reapOrphans>(env, "reapOrphans");
}

}  // namespace addon
