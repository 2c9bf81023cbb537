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

/// Those of the sockets with these cookies that are visible.
sockdiag::Result<sockdiag::List<sockdiag::TcpSocket>> find(const sockdiag::TcpTracker& tracker,
                                                           std::span<const double> cookies) {
  constexpr double kMost = 9007199254740992;
  sockdiag::List<sockdiag::TcpSocket> found;
  for (const double cookie : cookies) {
    if (!(cookie >= 0 && cookie <= kMost)) continue;
    const auto* const socket = tracker.find(static_cast<std::uint64_t>(cookie));
    if (socket == nullptr) continue;
    if (auto added = found.append(*socket); !added.ok()) return added.failure();
  }
  return found;
}

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
    if (open == nullptr) return {};
    return valueOrThrow(info.Env(), open->tracker.poll(sockdiag::Traffic::kIncluded));
  }

  Napi::Value ids(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    return open == nullptr ? Napi::Value{} : toIds(info.Env(), open->tracker.all());
  }

  Napi::Value sockets(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    if (open == nullptr) return {};
    if (info[0].IsUndefined()) return valueOrThrow(info.Env(), open->tracker.sockets());
    const auto cookies = toCookies(info[0]);
    return cookies ? valueOrThrow(info.Env(), find(open->tracker, *cookies)) : Napi::Value{};
  }

  Napi::Value traffic(const Napi::CallbackInfo& info) {
    auto* const open = core(info.Env());
    if (open == nullptr) return {};
    open->tracker.noteTraffic();
    return toTraffic(info.Env(), open->tracker.all());
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
       TcpTracker::InstanceMethod<&TcpTracker::ids>("ids"),
       TcpTracker::InstanceMethod<&TcpTracker::sockets>("sockets"),
       TcpTracker::InstanceMethod<&TcpTracker::traffic>("traffic"),
       TcpTracker::InstanceMethod<&TcpTracker::takeEnded>("takeEnded"),
       TcpTracker::InstanceMethod<&TcpTracker::seenBetweenPolls>("seenBetweenPolls"),
       TcpTracker::InstanceMethod<&TcpTracker::portsBetweenPolls>("portsBetweenPolls"),
       TcpTracker::InstanceMethod<&TcpTracker::mode>("mode"),
       TcpTracker::InstanceMethod<&TcpTracker::onDestroyed>("onDestroyed"),
       TcpTracker::InstanceMethod<&TcpTracker::end>("close")});
}

}  // namespace addon
