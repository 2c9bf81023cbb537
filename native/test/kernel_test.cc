#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>

#include "kernel_sockets.h"
#include "sockdiag/sock_diag.h"

// SockDiag against this machine's kernel.

namespace sockdiag::test {

namespace {

std::size_t countOf(const List<TcpSocket>& sockets, SocketState state) {
  return static_cast<std::size_t>(std::ranges::count_if(
      sockets, [state](const auto& socket) { return socket.state == state; }));
}

}  // namespace

TEST_CASE("a TCP client is reported from its connect to its close") {
  const UniqueFd listener = listenOnLoopback();
  const auto port = localPort(listener);
  SockDiag sockDiag;

  const auto alone = sockDiag.tcpSockets(port);
  REQUIRE(alone.ok());
  REQUIRE(alone.value().size() == 1);
  CHECK(alone.value()[0].state == SocketState::kListen);
  CHECK(alone.value()[0].inode == inodeOf(listener));

  UniqueFd client = connectTo(port);
  const auto queued = sockDiag.tcpSockets(port);
  REQUIRE(countOf(queued.value(), SocketState::kEstablished) == 1);

  const UniqueFd accepted{::accept(listener.get(), nullptr, nullptr)};
  REQUIRE(::send(client.get(), "hello", 5, 0) == 5);
  const auto connected = sockDiag.tcpSockets(port);
  REQUIRE(connected.ok());
  const auto* const socket =
      std::ranges::find(connected.value(), SocketState::kEstablished, &TcpSocket::state);
  REQUIRE(socket != connected.value().end());
  CHECK(socket->inode == inodeOf(accepted));
  CHECK(socket->local.port == port);
  CHECK(socket->peer.port == localPort(client));
  CHECK(toText(socket->peer.address).data() == doctest::String{"127.0.0.1"});
  CHECK(socket->bytesReceived == 5U);
  CHECK(socket->lastDataReceivedMs.has_value());
  CHECK(socket->cookie != 0);

  // The client's own socket has the port as its peer port, and is not reported.
  CHECK(connected.value().size() == 2);

  client.reset();
  CHECK(countOf(sockDiag.tcpSockets(port).value(), SocketState::kEstablished) == 0);
}

TEST_CASE("the listeners of all ports are reported, and nothing else") {
  const UniqueFd one = listenOnLoopback();
  const UniqueFd other = listenOnLoopback();
  const UniqueFd client = connectTo(localPort(one));
  SockDiag sockDiag;

  const auto listeners = sockDiag.tcpListeners();
  REQUIRE(listeners.ok());
  const auto sees = [&](const UniqueFd& listener) {
    return std::ranges::count_if(listeners.value(), [&](const auto& socket) {
      return socket.inode == inodeOf(listener) && socket.local.port == localPort(listener);
    });
  };
  CHECK(sees(one) == 1);
  CHECK(sees(other) == 1);
  CHECK(countOf(listeners.value(), SocketState::kListen) == listeners.value().size());
}

TEST_CASE("a lost descriptor fails one call, and the next opens another") {
  const UniqueFd listener = listenOnLoopback();
  SockDiag sockDiag;
  REQUIRE(sockDiag.tcpSockets(localPort(listener)).ok());

  closeNetlinkSockets();
  const auto lost = sockDiag.tcpSockets(localPort(listener));
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.failure().operation == doctest::String{"sendmsg"});
  CHECK(lost.failure().error == EBADF);

  CHECK(sockDiag.tcpSockets(localPort(listener)).value().size() == 1);
}

TEST_CASE("the socket is opened on first use, kept, and closed with its owner") {
  {
    SockDiag sockDiag;
    CHECK(netlinkSockets() == 0);
    CHECK(sockDiag.tcpSockets(Port{1}).ok());
    CHECK(sockDiag.tcpSockets(Port{1}).ok());
    CHECK(netlinkSockets() == 1);
  }
  CHECK(netlinkSockets() == 0);
}

}  // namespace sockdiag::test
