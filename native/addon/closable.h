#pragma once

#include <napi.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "values.h"

namespace addon {

/// The base of our objects: a core that close() destroys, and a type tag, so that a method called
/// on another object is rejected instead of accessing its memory. V8 checks this itself; other
/// engines that load addons may not.
///
/// `Self` defines `kTypeTag`, and the error messages `kWrongReceiver` and `kClosed`.
template <typename Self, typename Core>
class Closable : public Napi::ObjectWrap<Self> {
 public:
  explicit Closable(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Self>(info) {
    info.This().As<Napi::Object>().TypeTag(&Self::kTypeTag);
  }

  /// Hides ObjectWrap::Unwrap, which every method calls and which accepts any wrapped object.
  static Self* Unwrap(Napi::Object object) {
    auto* const self = in(object);
    if (self == nullptr) throwTypeError(object.Env(), Self::kWrongReceiver);
    return self;
  }

  /// The object of this class that a value is; null if it is none.
  static Self* in(Napi::Value value) {
    if (!value.IsObject()) return nullptr;
    const auto object = value.As<Napi::Object>();
    return object.CheckTypeTag(&Self::kTypeTag) ? Napi::ObjectWrap<Self>::Unwrap(object) : nullptr;
  }

 protected:
  /// Throws if memory is short: the core is most of an object's size.
  template <typename... Arguments>
  void open(Arguments&&... arguments) {
    auto* const memory = static_cast<Core*>(std::malloc(sizeof(Core)));
    if (memory == nullptr) return throwFailure(this->Env(), sockdiag::outOfMemory());
    core_.reset(std::construct_at(memory, std::forward<Arguments>(arguments)...));
  }

  /// Throws and returns null after close().
  Core* core(Napi::Env env) {
    if (core_) return core_.get();
    Napi::Error::New(env, Self::kClosed).ThrowAsJavaScriptException();
    return nullptr;
  }
  Core* coreIfOpen() { return core_.get(); }
  const Core* coreIfOpen() const { return core_.get(); }

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
