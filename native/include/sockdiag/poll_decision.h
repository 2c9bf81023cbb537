#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sockdiag/tcp_view.h"

namespace sockdiag {

/// Why a poll dumped the kernel's table, or that it did not.
enum class PollReason : std::uint8_t {
  /// No dump: the counter was unchanged, and every known socket was looked up.
  kTracked,
  /// There is no tracked set yet: the first poll, or the first after a failure.
  kFirst,
  kCounterUnreadable,
  /// A listener of the namespace, on any port, got a connection.
  kCounterMoved,
  /// The counter has not been unchanged for a whole poll yet.
  kSettling,
  kEventsLost,
  /// Looking up this many sockets would take longer than a dump.
  kCheaper,
  /// The set has reached kMaxAge, or kMaxAgeAtRest.
  kOld,
  /// The listeners changed, or a socket was in an impossible state.
  kUnexpected,
};

const char* toText(PollReason reason);

/// The longest time until connections are found that PassiveOpens does not count: those made with
/// TCP_REPAIR (a restored checkpoint) and outgoing ones from the port. It also bounds what can be
/// missed if a CPU stalls between counting a connection and listing it. Half of the shortest quiet
/// period that is safe to use; at ten polls a second it adds 2 % of a dump to each.
inline constexpr Nanoseconds kMaxAge = std::chrono::seconds{5};
/// The same once the counter has been unmoved for kRest: no CPU stalls for so long, and a daemon is
/// not restored from a checkpoint while its pod stops.
inline constexpr Nanoseconds kMaxAgeAtRest = std::chrono::seconds{30};
inline constexpr Nanoseconds kRest = std::chrono::seconds{15};

/// The input of decide().
struct PollEvidence {
  /// Empty if the counter could not be read.
  std::optional<std::uint64_t> counter;
  /// The value read just before the dump that filled the set; empty if there is no valid set.
  std::optional<std::uint64_t> counterAtDump;
  /// Whether the poll before that dump read the same value.
  bool isSettled;
  bool eventsLost;
  bool dumpIsCheaper;
  Nanoseconds age;
  /// Since the counter was seen to move.
  Nanoseconds sinceMoved;
};

/// The rule. A connection is counted slightly before it appears in the kernel's table. So a dump is
/// trusted only if the previous poll had already read the same counter value, and only as long as
/// later polls still read it.
PollReason decide(const PollEvidence& evidence);

/// Recent durations of a dump and of a lookup on this machine. A dump's duration grows with the
/// machine's memory and sockets, by factors of ten.
class PollCosts {
 public:
  void dumped(Nanoseconds duration) { approach(dump_, duration); }
  void lookedUp(std::size_t count, Nanoseconds duration);

  /// False until both are measured, so each is tried once.
  bool isDumpCheaper(std::size_t lookups);

 private:
  /// A shorter duration replaces the known one; a longer one raises it gradually, because the
  /// process may just have been preempted.
  static void approach(std::optional<Nanoseconds>& known, Nanoseconds measured);

  std::optional<Nanoseconds> dump_;
  std::optional<Nanoseconds> lookup_;
  unsigned preferredInARow_ = 0;
};

}  // namespace sockdiag
