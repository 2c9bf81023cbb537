#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "sockdiag/bytes.h"

namespace sockdiag::test {

using Buffer = std::vector<std::byte>;

/// Hexadecimal bytes, between which `#` begins a comment that ends with its line.
Buffer hex(std::string_view annotated);

Buffer joined(std::initializer_list<Buffer> parts);

/// The first bytes in memory of just their own, so that AddressSanitizer sees every read beyond
/// them.
Buffer prefix(const Buffer& bytes, std::size_t size);

/// Other bytes from `at` on.
Buffer patched(Buffer bytes, std::size_t at, const Buffer& patch);

template <typename T>
Buffer bytesOf(const T& value) {
  const auto bytes = std::as_bytes(std::span{&value, 1});
  return {bytes.begin(), bytes.end()};
}

Buffer message(std::uint16_t type, std::uint32_t sequence, const Buffer& payload,
               std::uint16_t flags = 0);
/// NLMSG_DONE, with the errno as the kernel writes it: 0 or negative.
Buffer done(std::uint32_t sequence, int error = 0, std::uint16_t flags = 0);
/// NLMSG_ERROR.
Buffer refusal(std::uint32_t sequence, int error);
Buffer attribute(std::uint16_t type, const Buffer& payload);

}  // namespace sockdiag::test
