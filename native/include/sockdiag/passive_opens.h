#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"
#include "sockdiag/file_descriptor.h"
#include "sockdiag/result.h"

namespace sockdiag {

/// `Tcp: PassiveOpens` of /proc/net/snmp (proc(5), RFC 1213's tcpPassiveOpens), found by name.
/// Empty if the text does not contain it completely.
std::optional<std::uint64_t> passiveOpensIn(Bytes snmp);

/// The counters of the calling thread's network namespace, which its netlink sockets use too.
/// (`/proc/net` is that of the process's main thread.)
inline constexpr const char* kThreadNetSnmp = "/proc/thread-self/net/snmp";

/// The number of connections that the listeners of a network namespace have received so far, IPv4
/// and IPv6 together. The kernel increments it when it creates the connection's socket, which is
/// before that can be found or is ESTABLISHED (tcp_create_openreq_child in
/// net/ipv4/tcp_minisocks.c).
class PassiveOpens {
 public:
  /// `path` has the format of /proc/net/snmp and must outlive this object.
  explicit PassiveOpens(const char* path) : path_(path) {}

  /// Opens the file on the first call and after a failure.
  Result<std::uint64_t> read();
  void drop() { file_.reset(); }

 private:
  Result<std::uint64_t> readOpened();

  const char* path_;
  UniqueFd file_;
};

}  // namespace sockdiag
