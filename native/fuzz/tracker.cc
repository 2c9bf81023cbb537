#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "model_kernel.h"
#include "script.h"
#include "sockdiag/tcp_tracker.h"

// The tracker against a model of the kernel in which sockets appear and disappear as the input
// says, between polls and during them. A poll must never omit a connection that existed all the
// time, or show one that did not exist; a failed poll changes nothing.

namespace {

using namespace sockdiag;
using fuzz::ModelKernel;

class TrackerCheck {
 public:
  explicit TrackerCheck(fuzz::Script& script) : kernel_(script) {}

  void poll() {
    kernel_.beginPoll();
    const auto before = socketsNow();
    const auto revision = tracker_.poll();
    kernel_.endPoll();
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

  void readTraffic() {
    const auto expected = socketsNow();
    const auto sockets = tracker_.socketsWithTraffic();
    if (!sockets.ok()) return;
    fuzz::require(sockets.value().size() == expected.size(), "traffic is returned for all sockets");
    for (std::size_t i = 0; i < expected.size(); ++i) {
      fuzz::require(sockets.value()[i].cookie == expected[i].cookie,
                    "traffic is returned in the same order");
    }
  }

  void takeDestroyed() {
    static_cast<void>(tracker_.takeDestroyed());
    checkEnded();
    checkBetween();
  }

  ModelKernel& kernel() { return kernel_; }

 private:
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
      fuzz::require(kernel_.wasPresent(each.cookie), "every listed socket existed");
      isListening |= each.state == SocketState::kListen;
      kernel_.noteSeen(each.cookie);
    }
    for (const auto cookie : kernel_.mustBeSeen()) {
      fuzz::require(seen.contains(cookie), "a socket that existed all the time is listed");
    }
    fuzz::require(isListening || !kernel_.listenedThroughout(),
                  "a listener that existed all the time is listed");
    checkBetween();
  }

  void checkEnded() {
    const auto ended = tracker_.takeEnded();
    fuzz::require(ended.ok(), "copying the ended connections needs no more memory than there is");
    for (const auto& each : ended.value()) {
      hasBytesEnded_ |= each.bytesReceived.value_or(2) > 1;
      if (each.peer.port == Port{0}) continue;
      fuzz::require(kernel_.wasDestroyed(each.cookie),
                    "a connection reported as ended was destroyed");
      fuzz::require(reportedEnds_.insert(each.cookie).second, "no end is reported twice");
    }
  }

  void checkBetween() {
    fuzz::require(tracker_.seenBetweenPolls() <= kernel_.destroyedUnseen(),
                  "every connection counted between polls was destroyed unseen");
  }

  ModelKernel kernel_;
  TcpTracker tracker_{kernel_};
  std::uint64_t revision_ = 0;
  bool hasFailed_ = true;
  bool hasBytesEnded_ = false;
  std::set<std::uint64_t> reportedEnds_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Script script{fuzz::bytesOf(data, size)};
  TrackerCheck check{script};
  while (!script.isOver()) {
    const auto what = script.choose(32);
    if (what < 10) {
      check.poll();
    } else if (what == 10) {
      check.readTraffic();
    } else if (what == 11) {
      check.takeDestroyed();
    } else {
      check.kernel().step();
    }
  }
  check.poll();
  return 0;
}
