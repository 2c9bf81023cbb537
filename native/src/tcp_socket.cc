#include "sockdiag/tcp_socket.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>

#include "sockdiag/netlink_message.h"

namespace sockdiag {

static_assert(sizeof(inet_diag_msg) == 72);
static_assert(offsetof(inet_diag_msg, idiag_inode) == 68);
static_assert(offsetof(tcp_info, tcpi_last_data_sent) == 44);
static_assert(offsetof(tcp_info, tcpi_bytes_acked) == 120);
static_assert(offsetof(tcp_info, tcpi_bytes_received) == 128);

namespace {

bool isOf(int family, const TcpQuery& query) {
  if (query.family != AF_UNSPEC) return family == query.family;
  return family == AF_INET || family == AF_INET6;
}

bool isOf(Port localPort, const TcpQuery& query) {
  return query.localPort == kAnyPort || localPort == query.localPort;
}

SocketAddress socketAddress(int family, const __be32 (&address)[4], __be16 port) {
  SocketAddress result{.address = {.family = family, .bytes = {}},
                       .port = static_cast<Port>(ntohs(port))};
  std::memcpy(result.address.bytes.data(), address,
              family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr));
  return result;
}

/// tcp_info has only ever grown at its end: older kernels send fewer bytes.
void readTcpInfo(Bytes info, TcpSocket& socket) {
  socket.bytesReceived = readAt<__u64>(info, offsetof(tcp_info, tcpi_bytes_received));
  socket.bytesAcked = readAt<__u64>(info, offsetof(tcp_info, tcpi_bytes_acked));
  socket.lastDataSentMs = readAt<__u32>(info, offsetof(tcp_info, tcpi_last_data_sent));
  socket.lastDataReceivedMs = readAt<__u32>(info, offsetof(tcp_info, tcpi_last_data_recv));
  socket.lastAckReceivedMs = readAt<__u32>(info, offsetof(tcp_info, tcpi_last_ack_recv));
}

/// Whether the attributes belong to a socket and not to a connection request.
Result<bool> readAttributes(Bytes bytes, TcpSocket& socket) {
  bool isSocket = false;
  for (Attributes attributes{bytes};;) {
    const auto attribute = attributes.next();
    if (!attribute.ok()) return attribute.failure();
    if (!attribute.value()) return isSocket;
    if (attribute.value()->type == INET_DIAG_SHUTDOWN) isSocket = true;
    // For a listener the kernel fills in only its queue lengths (tcp_get_info in net/ipv4/tcp.c);
    // the other zeros are not counts.
    if (attribute.value()->type == INET_DIAG_INFO && socket.state != SocketState::kListen) {
      readTcpInfo(attribute.value()->payload, socket);
    }
  }
}

/// Whether it is a socket and not a connection request.
Result<bool> read(Bytes payload, TcpSocket& socket) {
  const auto message = readAt<inet_diag_msg>(payload);
  if (!message) return malformed();

  const int family = message->idiag_family;
  socket = {
      .state = static_cast<SocketState>(message->idiag_state),
      .local = socketAddress(family, message->id.idiag_src, message->id.idiag_sport),
      .peer = socketAddress(family, message->id.idiag_dst, message->id.idiag_dport),
      .boundInterface = message->id.idiag_if,
      .inode = message->idiag_inode,
      .uid = message->idiag_uid,
      .cookie = std::uint64_t{message->id.idiag_cookie[1]} << 32 | message->id.idiag_cookie[0],
      .unanswered = message->idiag_retrans,
      .bytesReceived = {},
      .bytesAcked = {},
      .lastDataSentMs = {},
      .lastDataReceivedMs = {},
      .lastAckReceivedMs = {},
  };
  return readAttributes(payload.subspan(sizeof(*message)), socket);
}

}  // namespace

AddressText toText(const InetAddress& address) {
  AddressText text{};
  ::inet_ntop(address.family, address.bytes.data(), text.data(), text.size());
  return text;
}

Result<std::optional<TcpSocket>> parseTcpSocket(Bytes payload, const TcpQuery& query) {
  TcpSocket socket{};
  const auto isSocket = read(payload, socket);
  if (!isSocket.ok()) return isSocket.failure();

  if (!contains(query.states, socket.state)) return std::optional<TcpSocket>{};
  if (!isOf(socket.local.address.family, query) || !isOf(socket.local.port, query))
    return malformed();
  if (socket.state == SocketState::kSynReceived && !isSocket.value()) {
    return std::optional<TcpSocket>{};
  }
  return std::optional{socket};
}

Result<TcpSocket> parseDestroyed(Bytes payload) {
  TcpSocket socket{};
  const auto isSocket = read(payload, socket);
  if (!isSocket.ok()) return isSocket.failure();
  if (socket.peer.port == Port{0}) socket.bytesReceived.reset();
  return socket;
}

}  // namespace sockdiag
