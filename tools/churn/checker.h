#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "record.h"
#include "sockdiag/kernel_tcp_view.h"
#include "sockdiag/sock_diag.h"
#include "sockdiag/tcp_tracker.h"

namespace churn {

/// Polls a tracker of one port, each time between two plain dumps, and records the results.
class TrackerChecker {
 public:
  /// Other trackers may share the kernel.
  TrackerChecker(int port, sockdiag::SharedKernel& kernel)
      : port_(static_cast<sockdiag::Port>(port)), view_(kernel, port_) {}

  void poll();
  /// Called when the clients have no connection: the tracker must report none either.
  void checkQuiet();
  /// Compares the results with the clients' own record.
  void checkRecord(const Shared& shared, bool allEventsReceived);

  int faults() const { return faults_; }
  void report() const;

 private:
  using Clients = std::set<std::uint64_t>;

  struct Poll {
    std::int64_t start;
    std::int64_t end;
    std::vector<std::string> clients;
  };

  Clients dumped();
  void fault(const char* what);

  sockdiag::Port port_;
  sockdiag::KernelTcpView view_;
  sockdiag::TcpTracker tracker_{view_};
  sockdiag::SockDiag plain_;
  std::vector<Poll> polls_;
  Clients everSeen_;
  std::array<int, 16> reasons_{};
  int faults_ = 0;
  int neitherBeforeNorAfter_ = 0;
  std::size_t made_ = 0;
};

}  // namespace churn
