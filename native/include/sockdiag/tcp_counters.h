#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"
#include "sockdiag/file_descriptor.h"
#include "sockdiag/result.h"

namespace sockdiag {

/// Of the `Tcp` lines of /proc/net/snmp (proc(5)), IPv4 and IPv6 together.
struct TcpCounters {
  /// The number of connections that the listeners of a network namespace have received so far. The
  /// kernel increments it when it creates the connection's socket, which is before that can be
  /// found or is ESTABLISHED (tcp_create_openreq_child in net/ipv4/tcp_minisocks.c).
  std::uint64_t passiveOpens = 0;
  /// InSegs and OutSegs together: the segments that the namespace has received and sent so far,
  /// without those that were sent again. Empty if the kernel does not tell both.
  std::optional<std::uint64_t> segments;
};

/// The counters are found by name (RFC 1213's tcpPassiveOpens, tcpInSegs and tcpOutSegs). Empty if
/// the text does not contain PassiveOpens completely.
std::optional<TcpCounters> tcpCountersIn(Bytes snmp);

/// The counters of the calling thread's network namespace, which its netlink sockets use too.
/// (`/proc/net` is that of the process's main thread.)
inline constexpr const char* kThreadNetSnmp = "/proc/thread-self/net/snmp";

class TcpCounterFile {
 public:
  /// `path` has the format of /proc/net/snmp and must outlive this object.
  explicit TcpCounterFile(const char* path) : path_(path) {}

  /// Opens the file on the first call and after a failure.
  Result<TcpCounters> read();
  void drop() { file_.reset(); }

 private:
  Result<TcpCounters> readOpened();

  const char* path_;
  UniqueFd file_;
};

}  // namespace sockdiag
