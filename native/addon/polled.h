#pragma once

#include <napi.h>

#include <cstdint>
#include <optional>

namespace addon {

/// A tracker as the poll loop polls it.
class Polled {
 public:
  /// What JavaScript knows, and what a change is compared with.
  struct Known {
    std::uint64_t revision;
    /// Whether the traffic that it read last counts, too.
    bool hasTraffic;
    /// The number of connections that no poll has seen; empty where it does not count.
    std::optional<std::uint64_t> betweenPolls;
  };

  /// Polls. False as well if the poll fails, or the tracker is closed.
  virtual bool isUnchanged(const Known& known) = 0;
  virtual std::uint64_t seenBetweenPolls() const = 0;

  Polled(const Polled&) = delete;
  Polled& operator=(const Polled&) = delete;

 protected:
  Polled() = default;
  ~Polled() = default;
};

/// The tracker of a JavaScript object; null if it is none of that class.
Polled* polledTcp(Napi::Value value);
Polled* polledUnix(Napi::Value value);

}  // namespace addon
