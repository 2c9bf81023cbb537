#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sockdiag/bytes.h"
#include "sockdiag/result.h"

namespace sockdiag {

using Milliseconds = std::chrono::milliseconds;

struct Datagram {
  Bytes bytes;
  /// nl_pid of the sender; 0 is the kernel.
  std::uint32_t senderPort;
  /// MSG_TRUNC: the datagram was longer than the buffer.
  bool truncated;
};

/// Where datagrams are received.
class DatagramSource {
 public:
  /// Never blocks; empty if no datagram is queued.
  virtual Result<std::optional<Datagram>> receive(std::span<std::byte> buffer) = 0;

  DatagramSource(const DatagramSource&) = delete;
  DatagramSource& operator=(const DatagramSource&) = delete;

 protected:
  DatagramSource() = default;
  ~DatagramSource() = default;
};

/// What an exchange needs of a netlink socket and of the clock. NetlinkSocket is the real one;
/// tests use scripted ones.
class Transport : public DatagramSource {
 public:
  /// Opens the socket if it is closed.
  virtual Status send(Bytes request) = 0;
  /// Returns when a datagram may be queued, at the latest after `limit`; may return early.
  virtual Status wait(Milliseconds limit) = 0;
  /// Monotonic.
  virtual Milliseconds now() = 0;
  /// Closes the socket; the next send() opens a new one.
  virtual void drop() = 0;

 protected:
  Transport() = default;
  ~Transport() = default;
};

}  // namespace sockdiag
