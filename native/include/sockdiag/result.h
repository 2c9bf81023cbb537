#pragma once

#include <utility>
#include <variant>

namespace sockdiag {

/// Why an operation failed.
///
/// `operation` is the system call that failed ("socket", "sendmsg", "recvmsg", "poll"), the
/// kernel's reply ("NLMSG_ERROR", "NLMSG_DONE"), or `kDumpOperation` for a reply that cannot be
/// used. `error` is the errno, positive. A reply that never came is {"recvmsg", ETIMEDOUT}.
struct Failure {
  const char* operation;
  int error;
};

inline constexpr const char* kDumpOperation = "netlink dump";

/// A value or a failure. Nothing in this library throws.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : outcome_(std::move(value)) {}
  Result(Failure failure) : outcome_(failure) {}

  bool ok() const { return std::holds_alternative<T>(outcome_); }
  /// Only if ok().
  T& value() { return *std::get_if<T>(&outcome_); }
  const T& value() const { return *std::get_if<T>(&outcome_); }
  /// Only if not ok().
  const Failure& failure() const { return *std::get_if<Failure>(&outcome_); }

 private:
  std::variant<T, Failure> outcome_;
};

struct Done {};
using Status = Result<Done>;

}  // namespace sockdiag
