#include "sockdiag/abstract_listener.h"

#include <utility>

#include "environment.h"
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
  if (!listener.ok()) {
    throwFailure(info.Env(), listener.failure());
    return {};
  }
  const int descriptor = listener.value().get();
  const auto kept = Environment::of(info.Env()).listeners().append(std::move(listener.value()));
  if (kept.ok()) return Napi::Number::New(info.Env(), descriptor);
  throwFailure(info.Env(), kept.failure());
  return {};
}

// Closes nothing but what listenAbstract has opened in this environment.
void closeAbstract(const Napi::CallbackInfo& info) {
  auto& listeners = Environment::of(info.Env()).listeners();
  const double descriptor = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  for (auto& listener : listeners) {
    if (listener.get() != descriptor) continue;
    std::swap(listener, listeners[listeners.size() - 1]);
    return listeners.shrinkTo(listeners.size() - 1);
  }
}

}  // namespace

Napi::Function defineListenAbstract(Napi::Env env) {
  return Napi::Function::New<listenAbstract>(env, "listenAbstract");
}

Napi::Function defineCloseAbstract(Napi::Env env) {
  return Napi::Function::New<closeAbstract>(env, "closeAbstract");
}

}  // namespace addon
