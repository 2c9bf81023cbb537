#include "sockdiag/unix_message.h"

#include <doctest/doctest.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <string_view>

#include "recorded.h"

namespace sockdiag::test {

namespace {

std::string_view text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes bytes(std::string_view text) { return std::as_bytes(std::span{text}); }

Buffer withAttribute(std::uint16_t type, const Buffer& payload) {
  return joined({prefix(recordedUnixListener(), sizeof(unix_diag_msg)), attribute(type, payload)});
}

}  // namespace

TEST_CASE("a listener with its queue") {
  const auto payload = recordedUnixListener();
  const auto message = parseUnixMessage(payload);
  REQUIRE(message.ok());
  CHECK(message.value().type == SOCK_STREAM);
  CHECK(message.value().state == SocketState::kListen);
  CHECK(message.value().inode == 21158);
  CHECK(text(message.value().name) == "/tmp/bd.sock");
  CHECK(message.value().peerInode == 0);
  REQUIRE(message.value().queuedPeerInodes.has_value());
  CHECK(readAt<std::uint32_t>(*message.value().queuedPeerInodes, 0) == 0U);
  CHECK(readAt<std::uint32_t>(*message.value().queuedPeerInodes, 4) == 21161U);
  CHECK(message.value().queueLength == 2U);
}

TEST_CASE("an accepted socket and its client's socket") {
  const auto accepted = recordedAcceptedUnixSocket();
  const auto message = parseUnixMessage(accepted);
  REQUIRE(message.ok());
  CHECK(message.value().state == SocketState::kEstablished);
  CHECK(message.value().inode == 21162);
  CHECK(message.value().peerInode == 21159);
  CHECK(text(message.value().name) == "/tmp/bd.sock");
  CHECK_FALSE(message.value().queuedPeerInodes.has_value());

  const auto client = recordedUnixClient();
  CHECK(parseUnixMessage(client).value().name.empty());
}

TEST_CASE("a path loses its trailing NUL, an abstract name loses nothing") {
  using namespace std::string_view_literals;
  CHECK(text(withoutPathEnd(bytes("/a\0"sv))) == "/a"sv);
  CHECK(text(withoutPathEnd(bytes("/a"sv))) == "/a"sv);
  CHECK(text(withoutPathEnd(bytes("/a\0\0"sv))) == "/a\0"sv);
  CHECK(text(withoutPathEnd(bytes("\0a\0"sv))) == "\0a\0"sv);
  CHECK(text(withoutPathEnd(bytes("\0"sv))) == "\0"sv);
  CHECK(withoutPathEnd({}).empty());
}

TEST_CASE("a payload cut within its fixed part or an attribute is an error") {
  const auto whole = recordedUnixListener();
  // The ends of the attributes, where a cut cannot be detected.
  const std::vector<std::size_t> ends{16, 33, 34, 35, 36, 48, 60, 65, 66, 67};
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const bool isEnd = std::ranges::find(ends, size) != ends.end();
    CHECK(parseUnixMessage(prefix(whole, size)).ok() == isEnd);
  }
}

TEST_CASE("an attribute of the wrong size for its type is an error") {
  CHECK_FALSE(parseUnixMessage(withAttribute(UNIX_DIAG_PEER, hex("01 02 03"))).ok());
  CHECK_FALSE(parseUnixMessage(withAttribute(UNIX_DIAG_ICONS, hex("01 02 03 04 05"))).ok());
  CHECK_FALSE(parseUnixMessage(withAttribute(UNIX_DIAG_RQLEN, hex("01 00 00 00 02 00 00"))).ok());
}

TEST_CASE("an unknown attribute is skipped") {
  CHECK(parseUnixMessage(withAttribute(0x1234, hex("01"))).ok());
}

}  // namespace sockdiag::test
