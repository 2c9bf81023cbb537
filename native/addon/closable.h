#pragma once

#include <napi.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "values.h"

namespace addon {

/// What our objects have in common: a core that close() ends, and a mark, so that a method called
/// on anything else is refused and not let loose on its memory. V8 sees to that by itself; the
/// engines of other runtimes that load addons may not.
///
/// `Self` has `kTypeTag`, and in `kWrongReceiver` and `kClosed` what is said to misuse.
template <typename Self, typename Core>
class Closable : public Napi::ObjectWrap<Self> {
 public:
  explicit Closable(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Self>(info) {
    info.This().As<Napi::Object>().TypeTag(&Self::kTypeTag);
  }

  /// Takes the place of ObjectWrap's, which every method goes through and which takes any wrapped
  /// object for ours.
  static Self* Unwrap(Napi::Object object) {
    if (object.IsObject() && object.CheckTypeTag(&Self::kTypeTag)) {
      return Napi::ObjectWrap<Self>::Unwrap(object);
    }
    throwTypeError(object.Env(), Self::kWrongReceiver);
    return nullptr;
  }

 protected:
  /// Throws where there is no memory for it: the core is most of an object.
  template <typename... Arguments>
  void open(Arguments&&... arguments) {
    auto* const memory = static_cast<Core*>(std::malloc(sizeof(Core)));
    if (memory == nullptr) return throwFailure(this->Env(), sockdiag::outOfMemory());
    core_.reset(std::construct_at(memory, std::forward<Arguments>(arguments)...));
  }

  /// Nothing, and thrown, after close().
  Core* core(Napi::Env env) {
    if (core_) return core_.get();
    Napi::Error::New(env, Self::kClosed).ThrowAsJavaScriptException();
    return nullptr;
  }
  Core* coreIfOpen() { return core_.get(); }

  void close() { core_.reset(); }

 private:
  struct Free {
    void operator()(Core* core) const {
      std::destroy_at(core);
      std::free(core);
    }
  };
  std::unique_ptr<Core, Free> core_;
};

}  // namespace addon
