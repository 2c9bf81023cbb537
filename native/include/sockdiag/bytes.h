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

/// The T that starts at `offset`, copied out because a buffer promises no alignment; empty if the
/// bytes end before it does.
template <typename T>
std::optional<T> readAt(Bytes bytes, std::size_t offset = 0) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() < sizeof(T) || bytes.size() - sizeof(T) < offset) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// What every parser answers to bytes whose lengths lie.
inline Failure malformed() { return {.operation = kDumpOperation, .error = EBADMSG}; }

}  // namespace sockdiag
