#include "sockdiag/unix_tracker.h"

#include "closable.h"
#include "environment.h"
#include "exports.h"
#include "polled.h"

namespace addon {

namespace {

struct Core {
  Core(Environment& environment, sockdiag::Bytes name)
      : lease(environment), tracker(lease.kernel().exchange, name) {}

  KernelLease lease;
  sockdiag::UnixTracker tracker;
};

class UnixTracker : public Closable<UnixTracker, Core>, public Polled {
 public:
  static constexpr napi_type_tag kTypeTag{.lower = 0x61b8d0c52e9f4a73, .upper = 0xa8f35b7246d01ce9};
  static constexpr const char* kWrongReceiver =
      "Expected a UnixTracker as the receiver of its methods";
  static constexpr const char* kClosed = "This UnixTracker is closed";

  explicit UnixTracker(const Napi::CallbackInfo& info) : Closable(info) {
    if (const auto name = toName(info[0])) open(Environment::of(info.Env()), *name);
  }

  Napi::Value poll(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    return open == nullptr ? Napi::Value{} : valueOrThrow(info.Env(), open->tracker.poll());
  }

  Napi::Value sockets(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    // A copy: setting a property can run a setter in JavaScript, which may call close().
    return open == nullptr ? Napi::Value{} : valueOrThrow(info.Env(), open->tracker.sockets());
  }

  /// The kernel counts neither the traffic of unix sockets nor those that no poll has seen.
  bool isUnchanged(const Known& known) override {
    auto* const open = coreIfOpen();
    if (open == nullptr) return false;
    const auto revision = open->tracker.poll();
    return revision.ok() && revision.value() == known.revision;
  }
  std::uint64_t seenBetweenPolls() const override { return 0; }

  void end(const Napi::CallbackInfo& /*info*/) { close(); }
};

}  // namespace

Polled* polledUnix(Napi::Value value) { return UnixTracker::in(value); }

Napi::Function defineUnixTracker(Napi::Env env) {
  return UnixTracker::DefineClass(env, "UnixTracker",
                                  {UnixTracker::InstanceMethod<&UnixTracker::poll>("poll"),
                                   UnixTracker::InstanceMethod<&UnixTracker::sockets>("sockets"),
                                   UnixTracker::InstanceMethod<&UnixTracker::end>("close")});
}

}  // namespace addon
