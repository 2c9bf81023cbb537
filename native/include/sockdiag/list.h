#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "sockdiag/result.h"

namespace sockdiag {

inline Failure outOfMemory() { return {.operation = "malloc", .error = ENOMEM}; }

/// A vector for data that grows with the number of sockets on the host. Running out of memory is an
/// error like any other here; std::vector would end the process.
template <typename T>
class List {
 public:
  List() = default;
  List(List&& other) noexcept
      : items_(std::exchange(other.items_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  List& operator=(List&& other) noexcept {
    List taken{std::move(other)};
    swap(taken);
    return *this;
  }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    clear();
    std::free(items_);
  }

  /// On failure the list is unchanged.
  Status append(T item) {
    if (size_ == capacity_) {
      if (auto grown = grow(); !grown.ok()) return grown;
    }
    std::construct_at(items_ + size_, std::move(item));
    ++size_;
    return Done{};
  }

  void clear() { shrinkTo(0); }
  /// Removes all items from index `size` on.
  void shrinkTo(std::size_t size) {
    if (size >= size_) return;
    std::destroy(items_ + size, items_ + size_);
    size_ = size;
  }
  void swap(List& other) noexcept {
    std::swap(items_, other.items_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }
  T& operator[](std::size_t index) { return items_[index]; }
  const T& operator[](std::size_t index) const { return items_[index]; }

  bool operator==(const List& other) const {
    return std::equal(begin(), end(), other.begin(), other.end());
  }

 private:
  Status grow() {
    // T may be a pointer.
    constexpr auto kItemSize = sizeof(T);  // NOLINT(bugprone-sizeof-expression)
    if (capacity_ > SIZE_MAX / kItemSize / 2) return outOfMemory();
    constexpr std::size_t kFirstCapacity = 8;
    const auto capacity = std::max(kFirstCapacity, capacity_ * 2);
    auto* const items = static_cast<T*>(std::malloc(capacity * kItemSize));
    if (items == nullptr) return outOfMemory();
    std::uninitialized_move(begin(), end(), items);
    std::destroy(begin(), end());
    std::free(items_);
    items_ = items;
    capacity_ = capacity;
    return Done{};
  }

  T* items_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace sockdiag
