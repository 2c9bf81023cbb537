#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sockdiag/list.h"
#include "sockdiag/tcp_view.h"

namespace sockdiag {

/// The tracked sockets of one local port. Makes no system call.
class TrackedSet {
 public:
  /// First the connections (ESTABLISHED or SYN_RECV), then the listeners, so that lookups in this
  /// order check the listeners last. Both parts are sorted by cookie.
  std::span<const TcpSocket> all() const { return sockets_; }
  std::span<const TcpSocket> listeners() const;

  /// Whether all connections are ESTABLISHED and belong to a process.
  bool areAllAccepted() const;

  /// Increases when the visible sockets change: all except those in SYN_RECV. 0 before the first
  /// dump.
  std::uint64_t revision() const { return revision_; }

  /// Replaces the set with the result of a dump.
  void replace(List<TcpSocket>& dumped);

  /// Whether there are listeners and all of them were found. Their results are the last ones.
  bool foundAllListeners(std::span<const LookupResult> results) const;
  /// Whether `others` are exactly the listeners, in any order.
  bool hasListeners(List<TcpSocket>& others) const;
  /// Applies the lookup results of the connections; those not found are removed. Returns false,
  /// without a change, if one is in a state that it cannot have reached.
  bool update(std::span<const LookupResult> results);

  /// The visible socket with this cookie; null if there is none.
  const TcpSocket* find(std::uint64_t cookie) const;
  bool contains(std::uint64_t cookie) const { return find(cookie) != nullptr; }
  /// The peer of a visible socket, or of one removed recently; a listener's has port 0.
  std::optional<SocketAddress> peerOf(std::uint64_t cookie) const;

 private:
  /// The destroy event of a connection can come long after it left the set: it leaves when the
  /// client closes, and is destroyed when the daemon closes. The oldest entries are overwritten.
  static constexpr std::size_t kMaxRemoved = 1024;

  struct Removed {
    std::uint64_t cookie;
    SocketAddress peer;
  };

  void remember(const TcpSocket& removed);

  List<TcpSocket> sockets_;
  std::size_t listenersAt_ = 0;
  std::uint64_t revision_ = 0;
  std::array<Removed, kMaxRemoved> removed_{};
  std::size_t nextRemoved_ = 0;
};

}  // namespace sockdiag
