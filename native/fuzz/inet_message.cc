#include <linux/inet_diag.h>
#include <sys/socket.h>

#include "script.h"
#include "sockdiag/tcp_socket.h"

namespace {

using namespace sockdiag;

void check(const TcpSocket& socket, const TcpQuery& query, const inet_diag_msg& message) {
  fuzz::require(contains(query.states, socket.state), "only requested states are returned");
  fuzz::require(query.localPort == kAnyPort || socket.local.port == query.localPort,
                "only the requested port is returned");
  const int family = socket.local.address.family;
  fuzz::require(family == AF_INET || family == AF_INET6, "the family is AF_INET or AF_INET6");
  fuzz::require(query.family == AF_UNSPEC || family == query.family,
                "only the requested family is returned");
  fuzz::require(toText(socket.peer.address).front() != '\0', "the peer has an address");
  fuzz::require(socket.inode == message.idiag_inode, "the inode is the message's");
  fuzz::require(socket.state != SocketState::kListen || !socket.bytesReceived,
                "a listener has no traffic");
}

}  // namespace

// Any bytes parsed as a struct inet_diag_msg, for any query.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Script script{fuzz::bytesOf(data, size)};
  const auto how = script.next();
  const auto payload = script.take(size);
  const auto message = readAt<inet_diag_msg>(payload);

  TcpQuery query{.family = AF_UNSPEC, .localPort = kAnyPort};
  if ((how & 1U) != 0) query.family = AF_INET;
  if ((how & 2U) != 0) query.family = AF_INET6;
  // The message's own port, so that all code is reached.
  if (message && (how & 4U) != 0) {
    query.localPort = static_cast<Port>(__builtin_bswap16(message->id.idiag_sport));
  }
  if ((how & 8U) != 0) query.localPort = Port{1234};
  if ((how & 16U) != 0) query.states = maskOf(SocketState::kListen);
  if ((how & 32U) != 0) query.states = static_cast<StateMask>(UINT32_MAX);

  const auto parsed = parseTcpSocket(payload, query);
  fuzz::require(parsed.ok() || parsed.failure().error == EBADMSG, "the error is EBADMSG");
  fuzz::require(message || !parsed.ok(), "a message without its fixed part is an error");
  if (parsed.ok() && parsed.value()) check(*parsed.value(), query, *message);
  return 0;
}
