#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sockdiag/list.h"
#include "sockdiag/tcp_view.h"

namespace sockdiag {

/// The sockets of one local port that are kept in mind. Makes no system call.
class TrackedSet {
 public:
  /// First those in ESTABLISHED or SYN_RECV, then the listeners, so that who looks them up in this
  /// order has seen the listeners last. Each part is in the order of the cookies.
  std::span<const TcpSocket> all() const { return sockets_; }
  std::span<const TcpSocket> listeners() const;

  /// Changes when what can be seen does, which all but those in SYN_RECV are. 0 before the first
  /// walk.
  std::uint64_t revision() const { return revision_; }

  /// Takes the place of everything.
  void replace(List<TcpSocket>& dumped);

  /// Whether each listener was seen, of at least one.
  bool foundAllListeners(std::span<const LookupResult> results) const;
  /// Whether these are the listeners, in any order.
  bool hasListeners(List<TcpSocket>& others) const;
  /// Takes in what became of all() but the listeners; whoever was not seen leaves. False, and
  /// nothing is taken in, if one of them answers a state that it cannot have come to.
  bool update(std::span<const LookupResult> results);

  /// Whether a socket of this cookie can be seen.
  bool contains(std::uint64_t cookie) const;
  /// The peer of a socket that can be seen, or could not long ago; that of a listener has no port.
  std::optional<SocketAddress> peerOf(std::uint64_t cookie) const;

 private:
  /// A destroyed connection's event can come long after it has left the set: it does so when the
  /// client closes, and is destroyed when the daemon does. Beyond so many, the oldest is forgotten.
  static constexpr std::size_t kMaxRemoved = 1024;

  struct Removed {
    std::uint64_t cookie;
    SocketAddress peer;
  };

  /// The socket of this cookie, if it can be seen.
  const TcpSocket* find(std::uint64_t cookie) const;
  void remember(const TcpSocket& removed);

  List<TcpSocket> sockets_;
  std::size_t listenersAt_ = 0;
  std::uint64_t revision_ = 0;
  std::array<Removed, kMaxRemoved> removed_{};
  std::size_t nextRemoved_ = 0;
};

}  // namespace sockdiag
