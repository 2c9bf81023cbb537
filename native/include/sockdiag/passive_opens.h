#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"
#include "sockdiag/file_descriptor.h"
#include "sockdiag/result.h"

namespace sockdiag {

/// `Tcp: PassiveOpens` of /proc/net/snmp (proc(5), RFC 1213's tcpPassiveOpens), found by its name.
/// Nothing where the text does not have it whole.
std::optional<std::uint64_t> passiveOpensIn(Bytes snmp);

/// The counters of the network namespace that the calling thread is in, as its netlink sockets are.
/// (`/proc/net` is that of the process's first thread.)
inline constexpr const char* kThreadNetSnmp = "/proc/thread-self/net/snmp";

/// The number of connections that listeners of a network namespace have ever taken, both families
/// together. The kernel counts one when it makes the connection's socket, which is before that can
/// be found or is ESTABLISHED (tcp_create_openreq_child in net/ipv4/tcp_minisocks.c).
class PassiveOpens {
 public:
  /// `path` is of the form of /proc/net/snmp, and outlives this object.
  explicit PassiveOpens(const char* path) : path_(path) {}

  /// Opens the file at the first call, and after a failure.
  Result<std::uint64_t> read();
  void drop() { file_.reset(); }

 private:
  Result<std::uint64_t> readOpened();

  const char* path_;
  UniqueFd file_;
};

}  // namespace sockdiag
