#pragma once

#include <cstdint>

namespace sockdiag {

/// Polls at an interval that are to find no change, and when it is over with them although they
/// find none. All times are in milliseconds since the run began; a limit may be infinite.
class PollRun {
 public:
  struct Limits {
    double due;
    /// Between the beginnings of two polls. What happens in a longer gap is not seen.
    double longestGap;
    /// When the poll before the run began: not after 0.
    double last;
  };

  explicit PollRun(const Limits& limits) : limits_(limits), last_(limits.last) {}

  /// Whether a poll that begins now is no longer one of this run.
  bool isOver(double now) const {
    return !(now < limits_.due && now - last_ <= limits_.longestGap);
  }

  /// One more poll, which began at this time, found no change.
  void polled(double begun) {
    last_ = begun;
    ++polls_;
  }

  std::uint64_t polls() const { return polls_; }
  /// When the last poll without a change began, of this run or before it.
  double last() const { return last_; }

 private:
  Limits limits_;
  double last_;
  std::uint64_t polls_ = 0;
};

}  // namespace sockdiag
