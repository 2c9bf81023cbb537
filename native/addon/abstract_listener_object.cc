#include "abstract_listener_object.h"

#include "closable.h"
#include "sockdiag/abstract_listener.h"

namespace addon {

namespace {

class AbstractListener : public Closable<AbstractListener, sockdiag::UniqueFd> {
 public:
  static constexpr napi_type_tag kTypeTag{.lower = 0x3c7ae9150fd2864b, .upper = 0x947bd23e60c8f1a5};
  static constexpr const char* kWrongReceiver =
      "Expected an AbstractListener as the receiver of its methods";
  static constexpr const char* kClosed = "This AbstractListener is closed";

  explicit AbstractListener(const Napi::CallbackInfo& info) : Closable(info) {
    const auto name = toName(info[0]);
    if (!name) return;
    auto listener = sockdiag::listenAbstract(*name);
    if (listener.ok()) {
      open(std::move(listener.value()));
    } else {
      throwFailure(info.Env(), listener.failure());
    }
  }

  void end(const Napi::CallbackInfo& /*info*/) { close(); }
};

}  // namespace

Napi::Function defineAbstractListener(Napi::Env env) {
  return AbstractListener::DefineClass(
      env, "AbstractListener", {AbstractListener::InstanceMethod<&AbstractListener::end>("close")});
}

}  // namespace addon
