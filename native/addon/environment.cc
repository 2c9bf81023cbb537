#include "environment.h"

#include <cstdlib>
#include <new>

#include "values.h"

namespace addon {

bool Environment::create(Napi::Env env) {
  auto* const memory = std::malloc(sizeof(Environment));
  if (memory == nullptr) {
    throwFailure(env, sockdiag::outOfMemory());
    return false;
  }
  auto* const environment = new (memory) Environment;
  return napi_set_instance_data(env, environment, ends, nullptr) == napi_ok;
}

Environment& Environment::of(Napi::Env env) {
  void* environment = nullptr;
  napi_get_instance_data(env, &environment);
  return *static_cast<Environment*>(environment);
}

void Environment::ends(napi_env /*env*/, void* environment, void* /*hint*/) {
  auto* const self = static_cast<Environment*>(environment);
  self->hasEnded_ = true;
  self->freeIfUnused();
}

void Environment::freeIfUnused() {
  if (!hasEnded_ || leases_ > 0) return;
  this->~Environment();
  std::free(this);
}

KernelLease::KernelLease(Environment& environment) : environment_(environment) {
  if (environment_.leases_++ == 0) environment_.kernel_.emplace();
}

KernelLease::~KernelLease() {
  if (--environment_.leases_ > 0) return;
  environment_.kernel_.reset();
  environment_.freeIfUnused();
}

}  // namespace addon
