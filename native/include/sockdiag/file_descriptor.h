#pragma once

#include <cerrno>
#include <utility>

namespace sockdiag {

/// Owns a file descriptor.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, kNone)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, kNone);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool isOpen() const { return fd_ != kNone; }
  void reset();

 private:
  static constexpr int kNone = -1;
  int fd_ = kNone;
};

/// Repeats a call that a signal interrupted. Bounded, because the caller has a deadline that this
/// function cannot check.
template <typename Call>
auto retriedOnEintr(Call call) {
  constexpr int kMaxRetries = 100;
  auto result = call();
  for (int retries = 0; result < 0 && errno == EINTR && retries < kMaxRetries; ++retries) {
    result = call();
  }
  return result;
}

}  // namespace sockdiag
