#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "model_kernel.h"
#include "model_view.h"
#include "script.h"
#include "sockdiag/tcp_tracker.h"

// Three trackers of two ports, which share the destroy events, against a model of the kernel in
// which sockets appear and disappear as the input says, between polls and during them. Trackers
// are closed and opened, too. A poll must never omit a connection that existed all the time, or
// show one that did not exist; a failed poll changes nothing; and whichever tracker reads the
// events, each reports exactly the ends of its own connections since it first read them.

namespace {

using namespace sockdiag;
using fuzz::ModelKernel;
using fuzz::ModelView;

class TrackerCheck {
 public:
  TrackerCheck(ModelKernel& kernel, SharedDestroyEvents& events, unsigned number, Port localPort)
      : view_(kernel, events, number, localPort) {}

  void poll(Traffic traffic = Traffic::kLeftOut) {
    view_.beginPoll();
    const auto before = socketsNow();
    const auto revision = polled(traffic);
    view_.endPoll();
    const auto seen = socketsNow();
    checkEnded();
    if (!revision.ok()) {
      fuzz::require(revision.failure().error == EPERM, "an error is the kernel's");
      fuzz::require(isUnchanged(before, seen),
                    "a failed poll leaves the visible sockets unchanged");
      hasFailed_ = true;
      return;
    }
    fuzz::require(!hasFailed_ || tracker_.reason() != PollReason::kTracked,
                  "the first poll after a failure dumps");
    const bool isSame = revision_ != 0 && isUnchanged(before, seen) && !hasBytesEnded_;
    fuzz::require(
        (revision.value() == revision_) == isSame,
        "the revision changes exactly when the visible sockets do, or a connection with data ends");
    hasBytesEnded_ = false;
    hasFailed_ = false;
    revision_ = revision.value();
    checkSeen(seen);
  }

  void noteTraffic() {
    poll(Traffic::kIncluded);
    tracker_.noteTraffic();
    noted_.clear();
    for (const auto& each : tracker_.all()) noted_[each.cookie] = each.bytesReceived;
  }

  void takeDestroyed() {
    static_cast<void>(tracker_.takeDestroyed());
    checkEnded();
    checkBetween();
  }

  void checkAllReported() {
    // Each fault fails one poll.
    for (int i = 0; i < 4; ++i) poll();
    const auto expected = view_.mustBeReported();
    fuzz::require(std::ranges::includes(reportedEnds_, expected),
                  "without a loss, the end of every connection is reported");
  }

  DestroyEventQueue& queue() { return view_.queue(); }

 private:
  Result<std::uint64_t> polled(Traffic traffic) {
    if (traffic == Traffic::kLeftOut) return tracker_.poll();
    const auto bytes = view_.bytes();
    const auto polled = tracker_.pollTraffic();
    if (!polled.ok()) return polled.failure();
    if (!polled.value().hasMoved) checkUnmoved(bytes);
    return polled.value().revision;
  }

  /// `bytes` are those before the poll.
  void checkUnmoved(const std::map<std::uint64_t, std::uint64_t>& bytes) {
    for (const auto& each : tracker_.all()) {
      const auto before = bytes.find(each.cookie);
      if (each.state != SocketState::kEstablished || before == bytes.end()) continue;
      fuzz::require(noted_.contains(each.cookie) && noted_[each.cookie] == before->second,
                    "traffic that is said to be unmoved is as it was noted");
    }
  }

  List<TcpSocket> socketsNow() const {
    auto sockets = tracker_.sockets();
    fuzz::require(sockets.ok(), "copying the sockets needs no more memory than there is");
    return std::move(sockets.value());
  }

  static bool isUnchanged(const List<TcpSocket>& some, const List<TcpSocket>& others) {
    const auto isSame = [](const TcpSocket& left, const TcpSocket& right) {
      return left.cookie == right.cookie && left.state == right.state && left.inode == right.inode;
    };
    return std::ranges::equal(some, others, isSame);
  }

  void checkSeen(const List<TcpSocket>& sockets) {
    std::set<std::uint64_t> seen;
    bool isListening = false;
    for (const auto& each : sockets) {
      fuzz::require(seen.insert(each.cookie).second, "no socket is listed twice");
      fuzz::require(view_.wasPresent(each.cookie), "every listed socket existed");
      isListening |= each.state == SocketState::kListen;
      view_.noteSeen(each.cookie);
    }
    for (const auto cookie : view_.mustBeSeen()) {
      fuzz::require(seen.contains(cookie), "a socket that existed all the time is listed");
    }
    fuzz::require(isListening || !view_.listenedThroughout(),
                  "a listener that existed all the time is listed");
    checkBetween();
  }

  void checkEnded() {
    const auto ended = tracker_.takeEnded();
    fuzz::require(ended.ok(), "copying the ended connections needs no more memory than there is");
    for (const auto& each : ended.value()) {
      hasBytesEnded_ |= each.bytesReceived.value_or(2) > 1;
      if (each.peer.port == Port{0}) continue;
      fuzz::require(view_.wasDestroyed(each.cookie),
                    "a connection reported as ended was destroyed");
      fuzz::require(reportedEnds_.insert(each.cookie).second, "no end is reported twice");
    }
  }

  void checkBetween() {
    fuzz::require(tracker_.seenBetweenPolls() <= view_.destroyedUnseen(),
                  "every connection counted between polls was destroyed unseen");
  }

  ModelView view_;
  TcpTracker tracker_{view_};
  std::uint64_t revision_ = 0;
  bool hasFailed_ = true;
  bool hasBytesEnded_ = false;
  std::set<std::uint64_t> reportedEnds_;
  std::map<std::uint64_t, std::optional<std::uint64_t>> noted_;
};

/// The trackers of one environment, and its event loop.
class Trackers final : private SharedDestroyEvents::Waker {
 public:
  explicit Trackers(fuzz::Script& script) : kernel_(script) {
    events_.setWaker(this);
    for (std::size_t i = 0; i < checks_.size(); ++i) reopen(i);
  }

  void play(std::uint8_t what) {
    const auto which = what / 32U % checks_.size();
    auto& check = *checks_.at(which);
    switch (what % 32) {
      case 10:
        check.noteTraffic();
        break;
      case 11:
        check.takeDestroyed();
        break;
      case 12:
        reopen(which);
        break;
      case 13:
        isWatched_.at(which) = !isWatched_.at(which);
        check.queue().setWatched(isWatched_.at(which));
        break;
      case 14:
        runLoop();
        break;
      case 15:
        check.poll(Traffic::kIncluded);
        break;
      default:
        what % 32 < 10 ? check.poll() : kernel_.step(kernel_.script().next());
    }
    for (std::size_t i = 0; i < checks_.size(); ++i) {
      fuzz::require(isWoken_ || !isWatched_.at(i) || !checks_.at(i)->queue().hasEvents(),
                    "events of a watched queue wake the loop");
    }
  }

  void finish() {
    for (auto& check : checks_) check->checkAllReported();
  }

 private:
  void wake() override { isWoken_ = true; }

  /// As a readable descriptor makes it do; one that is not open is never readable.
  void runLoop() {
    isWoken_ = false;
    if (kernel_.isOpen()) static_cast<void>(events_.read());
    for (std::size_t i = 0; i < checks_.size(); ++i) {
      if (isWatched_.at(i) && checks_.at(i)->queue().hasEvents()) checks_.at(i)->takeDestroyed();
    }
  }

  void reopen(std::size_t which) {
    isWatched_.at(which) = false;
    checks_.at(which).reset();
    const Port port{static_cast<std::uint16_t>(1 + which % ModelKernel::kPorts)};
    checks_.at(which).emplace(kernel_, events_, ++lastNumber_, port);
  }

  ModelKernel kernel_;
  SharedDestroyEvents events_{kernel_};
  unsigned lastNumber_ = 0;
  std::array<std::optional<TrackerCheck>, 3> checks_;
  std::array<bool, 3> isWatched_{};
  bool isWoken_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Script script{fuzz::bytesOf(data, size)};
  Trackers trackers{script};
  while (!script.isOver()) trackers.play(script.next());
  trackers.finish();
  return 0;
}
