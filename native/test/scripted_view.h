#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "sockdiag/tcp_view.h"

namespace sockdiag::test {

/// A simple kernel: `table` has its sockets, and lookups are answered from it. Records the calls.
class ScriptedView final : public TcpView {
 public:
  Result<TcpCounters> counters() override {
    calls += 'c';
    if (counterError != 0) return Failure{.operation = "open", .error = counterError};
    return TcpCounters{.passiveOpens = counter, .segments = segments};
  }

  Status dump(StateMask states, Traffic traffic, List<TcpSocket>& sockets) override {
    const bool listenersOnly = states == maskOf(SocketState::kListen);
    const bool hasTraffic = traffic == Traffic::kIncluded;
    calls += listenersOnly ? 'l' : hasTraffic ? 'D' : 'd';
    time += listenersOnly ? Nanoseconds{0} : dumpTime;
    if (beforeDump != nullptr) beforeDump();
    if (dumpError != 0) return Failure{.operation = "sendmsg", .error = dumpError};
    sockets.clear();
    for (const auto& socket : table) {
      if (!contains(states, socket.state)) continue;
      if (auto added = sockets.append(withTraffic(socket, traffic)); !added.ok()) return added;
    }
    return Done{};
  }

  Status lookUp(std::span<const TcpSocket> sockets, Traffic traffic,
                List<LookupResult>& results) override {
    calls += traffic == Traffic::kIncluded ? 't' : 'k';
    time += lookupTime * static_cast<int>(sockets.size());
    if (lookupError != 0) return Failure{.operation = "recvmsg", .error = lookupError};
    results.clear();
    for (const auto& wanted : sockets) {
      LookupResult result;
      for (const auto& socket : table) {
        const bool isHidden = socket.cookie == hiddenFromLookup;
        if (socket.cookie == wanted.cookie && !isHidden && contains(kTrackedStates, socket.state)) {
          result = withTraffic(socket, traffic);
        }
      }
      if (auto added = results.append(result); !added.ok()) return added;
    }
    return Done{};
  }

  Result<EventLoss> takeDestroyed(DestroyedSink& sink) override {
    calls += 'e';
    if (eventError != 0) return Failure{.operation = "bind", .error = eventError};
    for (const auto& event : events) sink.destroyed(event);
    events.clear();
    return std::exchange(loss, EventLoss::kNone);
  }

  Nanoseconds now() override { return time; }
  void drop() override { calls += 'x'; }

  TcpSocket withTraffic(TcpSocket socket, Traffic traffic) const {
    if (traffic == Traffic::kLeftOut) return socket;
    socket.bytesReceived = bytesReceived;
    socket.bytesAcked = 1;
    return socket;
  }

  /// The calls since the last time: (c)ounters, full (d)ump, one with traffic (D), dump of
  /// (l)isteners, loo(k)up, lookup with (t)raffic, (e)vents, drop (x).
  std::string takeCalls() { return std::exchange(calls, {}); }

  std::uint64_t counter = 100;
  std::optional<std::uint64_t> segments;
  int counterError = 0;
  int dumpError = 0;
  int lookupError = 0;
  int eventError = 0;
  std::uint64_t hiddenFromLookup = 0;
  std::uint64_t bytesReceived = 7;
  std::vector<TcpSocket> table;
  std::vector<TcpSocket> events;
  EventLoss loss = EventLoss::kNone;
  Nanoseconds time{1'000'000'000};
  Nanoseconds dumpTime{1'000'000};
  Nanoseconds lookupTime{2'000};
  void (*beforeDump)() = nullptr;
  std::string calls;
};

}  // namespace sockdiag::test
