#include <optional>
#include <utility>

#include "closable.h"
#include "exports.h"
#include "polled.h"
#include "sockdiag/list.h"
#include "sockdiag/poll_run.h"
#include "timer.h"

namespace addon {

namespace {

using sockdiag::List;
using sockdiag::PollRun;

struct Watched {
  Polled* tracker;
  Polled::Known known;
  /// Keeps the tracker's object.
  Napi::ObjectReference kept;
};

struct Core {
  List<Watched> watched;
  std::uint64_t begunAt = 0;
  PollRun run{{.due = 0, .longestGap = 0, .last = 0}};
  bool isRunning = false;

  double elapsedMs() const {
    constexpr double kNanosecondsPerMs = 1e6;
    return static_cast<double>(Timer::now() - begunAt) / kNanosecondsPerMs;
  }

  bool areUnchanged() {
    for (const auto& each : watched) {
      if (!each.tracker->isUnchanged(each.known)) return false;
    }
    return true;
  }
};

/// Not NaN, and by default not negative; infinity is a number.
std::optional<double> toMs(Napi::Value value, double least = 0) {
  const double ms = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : least - 1;
  return ms >= least ? std::optional{ms} : std::nullopt;
}

class PollLoop : public Closable<PollLoop, Core> {
 public:
  static constexpr napi_type_tag kTypeTag{.lower = 0x2c9e61a7f3084bd5, .upper = 0xe4718b0d59c2a36f};
  static constexpr const char* kWrongReceiver =
      "Expected a PollLoop as the receiver of its methods";
  static constexpr const char* kClosed = "This PollLoop is closed";

  explicit PollLoop(const Napi::CallbackInfo& info) : Closable(info) { open(); }
  ~PollLoop() override { endTimer(); }
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;

  Napi::Value start(const Napi::CallbackInfo& info) {
    const auto env = info.Env();
    constexpr double kMostMs = INT32_MAX;
    const auto interval = toMs(info[1], 1);
    const auto due = toMs(info[2]);
    const auto longestGap = toMs(info[3]);
    const auto sinceLast = toMs(info[4]);
    if (!interval || *interval > kMostMs || !due || !longestGap || !sinceLast) {
      throwTypeError(env, "Expected times in milliseconds");
      return {};
    }
    if (!info[0].IsArray() || !info[5].IsBoolean() || !info[6].IsBoolean() ||
        !info[7].IsFunction()) {
      throwTypeError(env, "Expected trackers, two booleans and a callback");
      return {};
    }
    const bool seesTraffic = info[5].As<Napi::Boolean>();
    const bool seesBetween = info[6].As<Napi::Boolean>();
    auto watched = toWatched(info[0].As<Napi::Array>(), seesTraffic, seesBetween);
    if (!watched) return {};
    // After the last getter, which may have closed this.
    auto* const loop = core(env);
    if (loop == nullptr) return {};
    halt();
    if (timer_ == nullptr && !Timer::create(env, tick, this, timer_)) {
      return Napi::Boolean::New(env, false);
    }
    loop->watched = std::move(*watched);
    loop->begunAt = Timer::now();
    loop->run = PollRun{{.due = *due, .longestGap = *longestGap, .last = -*sinceLast}};
    loop->isRunning = true;
    callback_ = Napi::Persistent(info[7].As<Napi::Function>());
    if (!context_) context_.emplace(env, "buildkit-drain:polls");
    // Nothing else may refer to it while the timer does.
    Ref();
    timer_->start(static_cast<std::uint64_t>(*interval));
    return Napi::Boolean::New(env, true);
  }

  void stop(const Napi::CallbackInfo& /*info*/) { halt(); }

  Napi::Value polls(const Napi::CallbackInfo& info) {
    auto* const loop = core(info.Env());
    return loop == nullptr ? Napi::Value{} : toValue(info.Env(), loop->run.polls());
  }

  Napi::Value lastMs(const Napi::CallbackInfo& info) {
    auto* const loop = core(info.Env());
    if (loop == nullptr) return {};
    return Napi::Number::New(info.Env(), loop->run.last());
  }

  void end(const Napi::CallbackInfo& /*info*/) {
    halt();
    endTimer();
    close();
  }

 private:
  static void tick(void* self) { static_cast<PollLoop*>(self)->poll(); }

  void poll() {
    auto& loop = *coreIfOpen();
    const double begun = loop.elapsedMs();
    if (!loop.run.isOver(begun) && loop.areUnchanged()) {
      loop.run.polled(begun);
      return;
    }
    const auto env = Env();
    const Napi::HandleScope scope{env};
    // Keeps this object, which the callback may free otherwise.
    const auto self = Value();
    const auto callback = callback_.Value();
    halt();
    callback.MakeCallback(self, 0, nullptr, *context_);
    // There is no JavaScript caller that could catch it.
    if (env.IsExceptionPending()) {
      napi_fatal_exception(env, env.GetAndClearPendingException().Value());
    }
  }

  /// Each item of `pairs` is a tracker and its revision. Throws and returns nothing if one is not.
  static std::optional<List<Watched>> toWatched(Napi::Array pairs, bool seesTraffic,
                                                bool seesBetween) {
    const auto env = pairs.Env();
    List<Watched> all;
    for (std::uint32_t i = 0; i < pairs.Length(); ++i) {
      const Napi::HandleScope scope{env};
      const Napi::Value pair = pairs[i];
      const Napi::Value object = pair.IsArray() ? pair.As<Napi::Array>()[0U] : Napi::Value{};
      const Napi::Value revision = pair.IsArray() ? pair.As<Napi::Array>()[1U] : Napi::Value{};
      auto* const tcp = polledTcp(object);
      auto* const tracker = tcp != nullptr ? tcp : polledUnix(object);
      if (tracker == nullptr || !revision.IsNumber()) {
        // A getter may have thrown.
        if (!env.IsExceptionPending()) {
          throwTypeError(env, "Expected pairs of a tracker and its revision");
        }
        return std::nullopt;
      }
      const Polled::Known known{
          .revision = static_cast<std::uint64_t>(revision.As<Napi::Number>().Int64Value()),
          .hasTraffic = seesTraffic,
          .betweenPolls = seesBetween ? std::optional{tracker->seenBetweenPolls()} : std::nullopt};
      auto added = all.append({.tracker = tracker,
                               .known = known,
                               .kept = Napi::Persistent(object.As<Napi::Object>())});
      if (!added.ok()) {
        throwFailure(env, added.failure());
        return std::nullopt;
      }
    }
    return all;
  }

  void halt() {
    auto* const loop = coreIfOpen();
    if (loop == nullptr || !loop->isRunning) return;
    loop->isRunning = false;
    loop->watched.clear();
    if (timer_ != nullptr) timer_->stop();
    callback_.Reset();
    Unref();
  }

  void endTimer() {
    if (timer_ != nullptr) timer_->end();
  }

  Timer* timer_ = nullptr;
  Napi::FunctionReference callback_;
  std::optional<Napi::AsyncContext> context_;
};

}  // namespace

Napi::Function definePollLoop(Napi::Env env) {
  return PollLoop::DefineClass(env, "PollLoop",
                               {PollLoop::InstanceMethod<&PollLoop::start>("start"),
                                PollLoop::InstanceMethod<&PollLoop::stop>("stop"),
                                PollLoop::InstanceMethod<&PollLoop::polls>("polls"),
                                PollLoop::InstanceMethod<&PollLoop::lastMs>("lastMs"),
                                PollLoop::InstanceMethod<&PollLoop::end>("close")});
}

}  // namespace addon
