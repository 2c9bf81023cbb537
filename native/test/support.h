#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "sockdiag/bytes.h"

namespace sockdiag::test {

using Buffer = std::vector<std::byte>;

/// Hexadecimal bytes; `#` begins a comment up to the end of the line.
Buffer hex(std::string_view annotated);

Buffer joined(std::initializer_list<Buffer> parts);

/// The first `size` bytes in their own allocation, so that AddressSanitizer detects reads beyond
/// them.
Buffer prefix(const Buffer& bytes, std::size_t size);

/// `bytes` with `patch` written at `at`.
Buffer patched(Buffer bytes, std::size_t at, const Buffer& patch);

template <typename T>
Buffer bytesOf(const T& value) {
  const auto bytes = std::as_bytes(std::span{&value, 1});
  return {bytes.begin(), bytes.end()};
}

Buffer message(std::uint16_t type, std::uint32_t sequence, const Buffer& payload,
               std::uint16_t flags = 0);
/// NLMSG_DONE, with the errno in the kernel's form: 0 or negative.
Buffer done(std::uint32_t sequence, int error = 0, std::uint16_t flags = 0);
/// NLMSG_ERROR.
Buffer refusal(std::uint32_t sequence, int error);
Buffer attribute(std::uint16_t type, const Buffer& payload);

}  // namespace sockdiag::test
