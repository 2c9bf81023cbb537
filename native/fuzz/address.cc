#include <arpa/inet.h>

#include <cstring>

#include "script.h"
#include "sockdiag/tcp_socket.h"

// The text of any address parses back to the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sockdiag;
  fuzz::Script script{fuzz::bytesOf(data, size)};
  InetAddress address{.family = script.choose(2) == 0 ? AF_INET : AF_INET6, .bytes = {}};
  const std::size_t length = address.family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr);
  const auto bytes = script.take(length);
  std::memcpy(address.bytes.data(), bytes.data(), bytes.size());

  const auto text = toText(address);
  fuzz::require(std::memchr(text.data(), 0, text.size()) != nullptr, "the text is terminated");
  decltype(address.bytes) readBack{};
  fuzz::require(::inet_pton(address.family, text.data(), readBack.data()) == 1,
                "the text is a valid address");
  fuzz::require(readBack == address.bytes, "the text is the same address");
  return 0;
}
