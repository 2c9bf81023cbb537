#include "sockdiag/sock_diag.h"

#include "closable.h"
#include "exports.h"

namespace addon {

namespace {

class SockDiag : public Closable<SockDiag, sockdiag::SockDiag> {
 public:
  static constexpr napi_type_tag kTypeTag{.lower = 0x8d51c2f06ab94e37, .upper = 0xb2c9407d135ae886};
  static constexpr const char* kWrongReceiver =
      "Expected a SockDiag as the receiver of its methods";
  static constexpr const char* kClosed = "This SockDiag is closed";

  explicit SockDiag(const Napi::CallbackInfo& info) : Closable(info) { open(); }

  Napi::Value tcp(const Napi::CallbackInfo& info) {
    const auto port = toPort(info[0]);
    if (!port) return {};
    auto* const sockDiag = core(info.Env());
    if (sockDiag == nullptr) return {};
    return valueOrThrow(info.Env(), sockDiag->tcpSockets(*port));
  }

  Napi::Value tcpListeners(const Napi::CallbackInfo& info) {
    auto* const sockDiag = core(info.Env());
    if (sockDiag == nullptr) return {};
    return valueOrThrow(info.Env(), sockDiag->tcpListeners());
  }

  Napi::Value unixByName(const Napi::CallbackInfo& info) {
    const auto name = toName(info[0]);
    if (!name) return {};
    auto* const sockDiag = core(info.Env());
    if (sockDiag == nullptr) return {};
    return valueOrThrow(info.Env(), sockDiag->unixSockets(*name));
  }

  void end(const Napi::CallbackInfo& /*info*/) { close(); }
};

}  // namespace

Napi::Function defineSockDiag(Napi::Env env) {
  return SockDiag::DefineClass(env, "SockDiag",
                               {SockDiag::InstanceMethod<&SockDiag::tcp>("tcp"),
                                SockDiag::InstanceMethod<&SockDiag::tcpListeners>("tcpListeners"),
                                SockDiag::InstanceMethod<&SockDiag::unixByName>("unix"),
                                SockDiag::InstanceMethod<&SockDiag::end>("close")});
}

}  // namespace addon
