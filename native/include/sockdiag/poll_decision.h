#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sockdiag/tcp_view.h"

namespace sockdiag {

/// Why a poll walked the kernel's table, or that it did not.
enum class PollReason : std::uint8_t {
  /// It did not: the counter stood still, and every known socket was looked up.
  kTracked,
  /// Nothing vouches for the set: it is the first poll, or one after a failure.
  kFirst,
  kCounterUnreadable,
  /// A connection was taken, by any listener of the namespace.
  kCounterMoved,
  /// The counter has not stood still for a whole poll yet.
  kSettling,
  kEventsLost,
  /// To look up so many would take longer.
  kCheaper,
  /// The set is this old (see kMaxAge).
  kOld,
  /// The listeners have changed, or a socket answered what it cannot.
  kUnexpected,
};

const char* toText(PollReason reason);

/// Connections that PassiveOpens does not count are found after this time at the latest: those made
/// with TCP_REPAIR (a restored checkpoint) and those that the port's own side opened. It also
/// bounds what a processor that stands still between counting a connection and listing it could
/// hide. Half of the shortest quiet that anybody should conclude anything from; at ten polls a
/// second it adds a fiftieth of a walk to each.
inline constexpr Nanoseconds kMaxAge = std::chrono::seconds{5};

/// What a poll knows before it decides.
struct PollEvidence {
  /// Empty where the counter could not be read.
  std::optional<std::uint64_t> counter;
  /// As read before the walk that the set is from; empty if nothing vouches for the set.
  std::optional<std::uint64_t> counterAtDump;
  /// Whether the poll before that walk had read the same.
  bool isSettled;
  bool eventsLost;
  bool dumpIsCheaper;
  Nanoseconds age;
};

/// The rule. A connection is counted a moment before it is in the kernel's table. So a walk is
/// trusted only if the poll before it had read the same number already, and as long as the polls
/// after it do.
PollReason decide(const PollEvidence& evidence);

/// What a walk and a lookup have taken on this machine, of late: a walk's time grows with the
/// machine's memory and its sockets, by factors of ten.
class PollCosts {
 public:
  void dumped(Nanoseconds duration) { approach(dump_, duration); }
  void lookedUp(std::size_t count, Nanoseconds duration);

  /// False until both are known: each is tried once.
  bool isDumpCheaper(std::size_t lookups);

 private:
  /// A shorter time is believed at once, a longer one bit by bit: the process may have been made to
  /// wait.
  static void approach(std::optional<Nanoseconds>& known, Nanoseconds measured);

  std::optional<Nanoseconds> dump_;
  std::optional<Nanoseconds> lookup_;
  unsigned preferredInARow_ = 0;
};

}  // namespace sockdiag
