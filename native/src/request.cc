#include "sockdiag/request.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <cstring>
#include <type_traits>

namespace sockdiag {

static_assert(sizeof(nlmsghdr) == 16 && NLMSG_HDRLEN == sizeof(nlmsghdr));
static_assert(sizeof(inet_diag_req_v2) == 56);
static_assert(sizeof(inet_diag_req) == 60);
static_assert(sizeof(unix_diag_req) == 24);
static_assert(sizeof(inet_diag_sockid::idiag_src) == sizeof(InetAddress::bytes));

namespace {

constexpr std::uint16_t kDump = NLM_F_REQUEST | NLM_F_DUMP;

__be16 networkOrder(Port port) { return htons(static_cast<std::uint16_t>(port)); }

std::uint8_t extensions(Traffic traffic) {
  return traffic == Traffic::kIncluded ? 1U << (INET_DIAG_INFO - 1) : 0;
}

inet_diag_req_v2 tcpRequestBody(std::uint8_t family, StateMask states, Traffic traffic) {
  inet_diag_req_v2 body{};
  body.sdiag_family = family;
  body.sdiag_protocol = IPPROTO_TCP;
  body.idiag_ext = extensions(traffic);
  body.idiag_states = static_cast<__u32>(states);
  return body;
}

}  // namespace

Request::Request(std::uint16_t type, std::uint16_t flags, Bytes body)
    : size_(sizeof(nlmsghdr) + body.size()) {
  const nlmsghdr header{
      .nlmsg_len = static_cast<__u32>(size_),
      .nlmsg_type = type,
      .nlmsg_flags = flags,
      .nlmsg_seq = 0,
      .nlmsg_pid = 0,
  };
  std::memcpy(bytes_.data(), &header, sizeof(header));
  std::memcpy(bytes_.data() + sizeof(header), body.data(), body.size());
}

void Request::setSequence(std::uint32_t sequence) {
  static_assert(std::is_same_v<decltype(nlmsghdr::nlmsg_seq), decltype(sequence)>);
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence, sizeof(sequence));
}

Request tcpDumpRequest(std::uint8_t family, Port localPort, StateMask states, Traffic traffic) {
  auto body = tcpRequestBody(family, states, traffic);
  body.id.idiag_sport = networkOrder(localPort);
  return {SOCK_DIAG_BY_FAMILY, kDump, body};
}

Request tcpBothFamiliesRequest(Port localPort, StateMask states, Traffic traffic) {
  inet_diag_req body{};
  body.idiag_ext = extensions(traffic);
  body.id.idiag_sport = networkOrder(localPort);
  body.idiag_states = static_cast<__u32>(states);
  return {TCPDIAG_GETSOCK, kDump, body};
}

Request tcpLookupRequest(const TcpSocket& socket, Traffic traffic) {
  // The kernel ignores the states of a lookup.
  auto body = tcpRequestBody(static_cast<std::uint8_t>(socket.local.address.family),
                             maskOf(socket.state), traffic);
  auto& id = body.id;
  id.idiag_sport = networkOrder(socket.local.port);
  id.idiag_dport = networkOrder(socket.peer.port);
  std::memcpy(id.idiag_src, socket.local.address.bytes.data(), sizeof(id.idiag_src));
  std::memcpy(id.idiag_dst, socket.peer.address.bytes.data(), sizeof(id.idiag_dst));
  id.idiag_if = socket.boundInterface;
  id.idiag_cookie[0] = static_cast<__u32>(socket.cookie);
  id.idiag_cookie[1] = static_cast<__u32>(socket.cookie >> 32);
  return {SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, body};
}

Request unixDumpRequest(StateMask states, std::uint32_t show) {
  unix_diag_req body{};
  body.sdiag_family = AF_UNIX;
  body.udiag_states = static_cast<__u32>(states);
  body.udiag_show = show;
  return {SOCK_DIAG_BY_FAMILY, kDump, body};
}

}  // namespace sockdiag
