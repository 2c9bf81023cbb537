#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "sockdiag/result.h"

namespace sockdiag {

using Bytes = std::span<const std::byte>;

/// The T at `offset`, copied out because the buffer may be unaligned; empty if the bytes end too
/// early.
template <typename T>
std::optional<T> readAt(Bytes bytes, std::size_t offset = 0) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() < sizeof(T) || bytes.size() - sizeof(T) < offset) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// The error of every parser for inconsistent lengths.
inline Failure malformed() { return {.operation = kDumpOperation, .error = EBADMSG}; }

}  // namespace sockdiag
