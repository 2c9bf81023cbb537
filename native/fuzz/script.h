#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>

#include "sockdiag/bytes.h"
#include "sockdiag/list.h"

namespace sockdiag::fuzz {

/// A property that must hold for any input. If it does not, the target aborts, and the fuzzer
/// reports the input.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// Appends to a list of the model, which must not run out of memory.
template <typename Item>
void keep(List<Item>& list, Item item) {
  require(list.append(std::move(item)).ok(), "the model has enough memory");
}

inline Bytes bytesOf(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span{data, size});
}

/// The fuzzer's input as a script: each byte decides what happens next. After the last one every
/// byte is 0, which means no further event.
class Script {
 public:
  explicit Script(Bytes bytes) : rest_(bytes) {}

  bool isOver() const { return rest_.empty(); }

  std::uint8_t next() {
    if (rest_.empty()) return 0;
    const auto byte = std::to_integer<std::uint8_t>(rest_.front());
    rest_ = rest_.subspan(1);
    return byte;
  }

  /// A number below `count`.
  std::size_t choose(std::size_t count) { return next() % count; }

  Bytes take(std::size_t most) {
    const auto taken = rest_.first(most < rest_.size() ? most : rest_.size());
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  Bytes rest_;
};

}  // namespace sockdiag::fuzz
