#include "sockdiag/unix_tracker.h"

#include "closable.h"
#include "exports.h"

namespace addon {

namespace {

class UnixTracker : public Closable<UnixTracker, sockdiag::UnixTracker> {
 public:
  static constexpr napi_type_tag kTypeTag{.lower = 0x61b8d0c52e9f4a73, .upper = 0xa8f35b7246d01ce9};
  static constexpr const char* kWrongReceiver =
      "Expected a UnixTracker as the receiver of its methods";
  static constexpr const char* kClosed = "This UnixTracker is closed";

  explicit UnixTracker(const Napi::CallbackInfo& info) : Closable(info) {
    if (const auto name = toName(info[0])) open(*name);
  }

  Napi::Value poll(const Napi::CallbackInfo& info) {
    auto* const tracker = core(info.Env());
    return tracker == nullptr ? Napi::Value{} : valueOrThrow(info.Env(), tracker->poll());
  }

  Napi::Value sockets(const Napi::CallbackInfo& info) {
    auto* const tracker = core(info.Env());
    // A copy: setting a property can run a setter in JavaScript, which may call close().
    return tracker == nullptr ? Napi::Value{} : valueOrThrow(info.Env(), tracker->sockets());
  }

  void end(const Napi::CallbackInfo& /*info*/) { close(); }
};

}  // namespace

Napi::Function defineUnixTracker(Napi::Env env) {
  return UnixTracker::DefineClass(env, "UnixTracker",
                                  {UnixTracker::InstanceMethod<&UnixTracker::poll>("poll"),
                                   UnixTracker::InstanceMethod<&UnixTracker::sockets>("sockets"),
                                   UnixTracker::InstanceMethod<&UnixTracker::end>("close")});
}

}  // namespace addon
