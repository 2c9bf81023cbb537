#include "sockdiag/unix_dump.h"

#include <doctest/doctest.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <string_view>

#include "recorded.h"
#include "scripted_transport.h"

namespace sockdiag::test {

namespace {

using namespace std::string_view_literals;
using Inodes = std::vector<std::uint32_t>;

struct Socket {
  SocketState state;
  std::uint32_t inode;
  std::string_view name;
  std::uint8_t type = SOCK_STREAM;
  std::optional<std::uint32_t> queueLength = 0;
  std::optional<Inodes> queue = std::nullopt;
};

Buffer payloadOf(const Socket& socket) {
  auto payload = bytesOf(unix_diag_msg{.udiag_family = AF_UNIX,
                                       .udiag_type = socket.type,
                                       .udiag_state = static_cast<std::uint8_t>(socket.state),
                                       .pad = 0,
                                       .udiag_ino = socket.inode,
                                       .udiag_cookie = {}});
  const auto name = std::as_bytes(std::span{socket.name});
  payload = joined({payload, attribute(UNIX_DIAG_NAME, {name.begin(), name.end()})});
  if (socket.queue) {
    const auto queue = std::as_bytes(std::span{*socket.queue});
    payload = joined({payload, attribute(UNIX_DIAG_ICONS, {queue.begin(), queue.end()})});
  }
  if (socket.queueLength) {
    const unix_diag_rqlen length{.udiag_rqueue = *socket.queueLength, .udiag_wqueue = 128};
    payload = joined({payload, attribute(UNIX_DIAG_RQLEN, bytesOf(length))});
  }
  return payload;
}

std::vector<Event> answer(std::uint32_t sequence, const std::vector<Socket>& sockets) {
  Buffer datagram;
  for (const auto& socket : sockets) {
    datagram = joined({datagram, message(SOCK_DIAG_BY_FAMILY, sequence, payloadOf(socket))});
  }
  return {{.bytes = datagram}, {.bytes = done(sequence)}};
}

Result<UnixSockets> dump(ScriptedTransport& transport, std::string_view name) {
  Exchange exchange{transport};
  return dumpUnix(exchange, std::as_bytes(std::span{name}));
}

std::uint32_t shown(const Buffer& request) {
  return readAt<unix_diag_req>(request, sizeof(nlmsghdr))->udiag_show;
}

constexpr auto kListen = SocketState::kListen;
constexpr auto kEstablished = SocketState::kEstablished;

constexpr Socket kListener{.state = kListen, .inode = 1, .name = "/a\0"sv};
const Socket kBusyListener{.state = kListen, .inode = 1, .name = "/a\0"sv, .queueLength = 2};
const Socket kListenerWithQueue{
    .state = kListen, .inode = 1, .name = "/a\0"sv, .queueLength = 2, .queue = Inodes{0, 9}};
constexpr Socket kOtherListener{.state = kListen, .inode = 5, .name = "/other\0"sv};

}  // namespace

TEST_CASE("the recorded listener and its accepted socket are found by their path") {
  const auto datagram = joined({message(SOCK_DIAG_BY_FAMILY, 1, recordedUnixClient()),
                                message(SOCK_DIAG_BY_FAMILY, 1, recordedUnixListener()),
                                message(SOCK_DIAG_BY_FAMILY, 1, recordedAcceptedUnixSocket())});
  const auto again = joined({message(SOCK_DIAG_BY_FAMILY, 2, recordedUnixListener()),
                             message(SOCK_DIAG_BY_FAMILY, 2, recordedAcceptedUnixSocket())});
  ScriptedTransport transport{
      {{{.bytes = datagram}, {.bytes = done(1)}}, {{.bytes = again}, {.bytes = done(2)}}}};
  const auto sockets = dump(transport, "/tmp/bd.sock");
  REQUIRE(sockets.ok());
  REQUIRE(sockets.value().listeners.size() == 1);
  CHECK(sockets.value().listeners[0].inode == 21158);
  CHECK(std::ranges::equal(sockets.value().listeners[0].queuedPeerInodes, Inodes{0, 21161}));
  REQUIRE(sockets.value().accepted.size() == 1);
  CHECK(sockets.value().accepted[0].inode == 21162);
  CHECK(sockets.value().accepted[0].peerInode == 21159);
}

TEST_CASE("if no client is queued, one request without the queues is sufficient") {
  ScriptedTransport transport{{answer(1, {kListener, {kEstablished, 2, "/a\0"sv}})}};
  const auto sockets = dump(transport, "/a");
  REQUIRE(sockets.ok());
  CHECK(sockets.value().listeners.size() == 1);
  CHECK(sockets.value().accepted.size() == 1);
  REQUIRE(transport.requests.size() == 1);
  CHECK(shown(transport.requests[0]) == (UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN));
}

TEST_CASE("if a client is queued, the result is the reply to the request with the queues") {
  ScriptedTransport transport{
      {answer(1, {kBusyListener, kOtherListener}),
       answer(2, {kListenerWithQueue, kOtherListener, {kEstablished, 2, "/a\0"sv}})}};
  const auto sockets = dump(transport, "/a");
  REQUIRE(sockets.ok());
  CHECK(std::ranges::equal(sockets.value().listeners[0].queuedPeerInodes, Inodes{0, 9}));
  CHECK(sockets.value().accepted.size() == 1);
  CHECK((shown(transport.requests.at(1)) & UDIAG_SHOW_ICONS) != 0);
}

TEST_CASE("only stream sockets with exactly that name are kept") {
  ScriptedTransport transport{{answer(1, {
                                             {kListen, 1, "/a\0"sv},
                                             {kListen, 2, "/a2\0"sv},
                                             {kListen, 3, "/\0"sv},
                                             {kListen, 4, "\0/a"sv},
                                             {kListen, 5, ""sv},
                                             {kListen, 6, "/a\0"sv, SOCK_SEQPACKET},
                                             {kEstablished, 7, "/a\0"sv, SOCK_DGRAM},
                                             {kEstablished, 8, "/a"sv},
                                         })}};
  const auto sockets = dump(transport, "/a");
  REQUIRE(sockets.ok());
  REQUIRE(sockets.value().listeners.size() == 1);
  CHECK(sockets.value().listeners[0].inode == 1);
  REQUIRE(sockets.value().accepted.size() == 1);
  CHECK(sockets.value().accepted[0].inode == 8);
}

TEST_CASE("abstract names are compared including every NUL") {
  ScriptedTransport transport{{answer(1, {{kListen, 1, "\0a"sv}, {kListen, 2, "\0a\0"sv}})}};
  const auto sockets = dump(transport, "\0a\0"sv);
  REQUIRE(sockets.ok());
  REQUIRE(sockets.value().listeners.size() == 1);
  CHECK(sockets.value().listeners[0].inode == 2);
}

TEST_CASE("a reply with queues that lacks a listener was cut off by the kernel") {
  const auto cut = [](std::uint32_t sequence) { return answer(sequence, {kListenerWithQueue}); };
  const auto plain = [](std::uint32_t sequence) {
    return answer(sequence, {kBusyListener, kOtherListener});
  };
  const auto whole = [](std::uint32_t sequence) {
    return answer(sequence, {kListenerWithQueue, kOtherListener});
  };

  ScriptedTransport always{{plain(1), cut(2), plain(3), cut(4), plain(5), cut(6), plain(7), cut(8),
                            plain(9), whole(10)}};
  const auto sockets = dump(always, "/a");
  REQUIRE_FALSE(sockets.ok());
  CHECK(sockets.failure().error == EMSGSIZE);

  // As if the other listener had been closed between the two replies.
  ScriptedTransport once{{plain(1), cut(2), answer(3, {kBusyListener}), cut(4)}};
  CHECK(dump(once, "/a").ok());
}

TEST_CASE("a listener without the requested attributes is an error") {
  Socket withoutLength = kListener;
  withoutLength.queueLength.reset();
  ScriptedTransport noLength{{answer(1, {withoutLength})}};
  CHECK(dump(noLength, "/a").failure().error == EBADMSG);

  ScriptedTransport noQueue{{answer(1, {kBusyListener}), answer(2, {kBusyListener})}};
  CHECK(dump(noQueue, "/a").failure().error == EBADMSG);
}

}  // namespace sockdiag::test
