#include "sockdiag/tcp_tracker.h"

#include "closable.h"
#include "environment.h"
#include "exports.h"
#include "polled.h"
#include "sockdiag/kernel_tcp_view.h"

namespace addon {

namespace {

struct Core {
  Core(Environment& environment, sockdiag::Port localPort)
      : lease(environment), view(lease.kernel(), localPort) {}

  KernelLease lease;
  sockdiag::KernelTcpView view;
  sockdiag::TcpTracker tracker{view};
};

class TcpTracker final : public Closable<TcpTracker, Core>,
                         public Polled,
                         private DestroyedWatch::Waiting {
 public:
  static constexpr napi_type_tag kTypeTag{.lower = 0x3f0a9be7d4c8415c, .upper = 0x9d27e61f08b3a45d};
  static constexpr const char* kWrongReceiver =
      "Expected a TcpTracker as the receiver of its methods";
  static constexpr const char* kClosed = "This TcpTracker is closed";

  explicit TcpTracker(const Napi::CallbackInfo& info) : Closable(info) {
    if (const auto port = toPort(info[0])) open(Environment::of(info.Env()), *port);
  }
  ~TcpTracker() override { forgetCallback(); }
  TcpTracker(const TcpTracker&) = delete;
  TcpTracker& operator=(const TcpTracker&) = delete;

  Napi::Value poll(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    return open == nullptr ? Napi::Value{} : valueOrThrow(info.Env(), open->tracker.poll());
  }

  Napi::Value sockets(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    return open == nullptr ? Napi::Value{} : valueOrThrow(info.Env(), open->tracker.sockets());
  }

  Napi::Value socketsWithTraffic(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    if (open == nullptr) return {};
    return valueOrThrow(info.Env(), open->tracker.socketsWithTraffic());
  }

  Napi::Value takeEnded(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    return open == nullptr ? Napi::Value{} : valueOrThrow(info.Env(), open->tracker.takeEnded());
  }

  Napi::Value seenBetweenPolls(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    return open == nullptr ? Napi::Value{} : toValue(info.Env(), open->tracker.seenBetweenPolls());
  }

  bool isUnchanged(const Known& known) override {
    auto* const open = coreIfOpen();
    if (open == nullptr) return false;
    auto& tracker = open->tracker;
    if (known.hasTraffic) {
      const auto polled = tracker.pollTraffic();
      if (!polled.ok() || polled.value().revision != known.revision || polled.value().hasMoved) {
        return false;
      }
    } else {
      const auto revision = tracker.poll();
      if (!revision.ok() || revision.value() != known.revision) return false;
    }
    return !known.betweenPolls || tracker.seenBetweenPolls() == *known.betweenPolls;
  }

  std::uint64_t seenBetweenPolls() const override {
    const auto* const open = coreIfOpen();
    return open == nullptr ? 0 : open->tracker.seenBetweenPolls();
  }

  Napi::Value portsBetweenPolls(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    if (open == nullptr) return {};
    return valueOrThrow(info.Env(), open->tracker.portsBetweenPolls());
  }

  Napi::Value mode(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    if (open == nullptr) return {};
    return Napi::String::New(info.Env(), sockdiag::toText(open->tracker.reason()));
  }

  Napi::Value onDestroyed(const Napi::CallbackInfo& info) {
    const auto env = info.Env();
    if (!info[0].IsFunction() && !info[0].IsNull()) {
      throwTypeError(env, "Expected a function or null for callback");
      return {};
    }
    auto* const open = core(env);
    if (open == nullptr) return {};
    forgetCallback();
    if (info[0].IsNull()) return Napi::Boolean::New(env, false);

    auto& events = open->view.events();
    if (!events.open().ok() || !open->lease.watch().add(env, open->lease.kernel(), *this)) {
      return Napi::Boolean::New(env, false);
    }
    watched_ = &events;
    watched_->setWatched(true);
    callback_ = Napi::Persistent(info[0].As<Napi::Function>());
    context_.emplace(env, "buildkit-drain:destroyed");
    return Napi::Boolean::New(env, true);
  }

  void end(const Napi::CallbackInfo& /*info*/) {
    // Before the queue that it waits for is closed.
    forgetCallback();
    close();
  }

 private:
  void mayHaveEvents() override {
    if (!watched_->hasEvents()) return;
    const auto isReason = coreIfOpen()->tracker.takeDestroyed();
    if (!isReason.ok() || !isReason.value()) return;
    const auto env = Env();
    const Napi::HandleScope scope{env};
    callback_.MakeCallback(env.Global(), 0, nullptr, *context_);
    // There is no JavaScript caller that could catch it.
    if (env.IsExceptionPending()) {
      napi_fatal_exception(env, env.GetAndClearPendingException().Value());
    }
  }

  void forgetCallback() {
    if (watched_ == nullptr) return;
    coreIfOpen()->lease.watch().remove(*this);
    watched_->setWatched(false);
    watched_ = nullptr;
    callback_.Reset();
    context_.reset();
  }

  /// Null while there is no callback.
  sockdiag::DestroyEventQueue* watched_ = nullptr;
  Napi::FunctionReference callback_;
  std::optional<Napi::AsyncContext> context_;
};

}  // namespace

Polled* polledTcp(Napi::Value value) { return TcpTracker::in(value); }

Napi::Function defineTcpTracker(Napi::Env env) {
  return TcpTracker::DefineClass(
      env, "TcpTracker",
      {TcpTracker::InstanceMethod<&TcpTracker::poll>("poll"),
       TcpTracker::InstanceMethod<&TcpTracker::sockets>("sockets"),
       TcpTracker::InstanceMethod<&TcpTracker::socketsWithTraffic>("socketsWithTraffic"),
       TcpTracker::InstanceMethod<&TcpTracker::takeEnded>("takeEnded"),
       TcpTracker::InstanceMethod<&TcpTracker::seenBetweenPolls>("seenBetweenPolls"),
       TcpTracker::InstanceMethod<&TcpTracker::portsBetweenPolls>("portsBetweenPolls"),
       TcpTracker::InstanceMethod<&TcpTracker::mode>("mode"),
       TcpTracker::InstanceMethod<&TcpTracker::onDestroyed>("onDestroyed"),
       TcpTracker::InstanceMethod<&TcpTracker::end>("close")});
}

}  // namespace addon
