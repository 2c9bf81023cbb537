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

/// Polls a tracker of one port, between two plain dumps each time, and remembers what it saw.
class Observer {
 public:
  Observer(int port, const char* snmpPath, int eventBufferBytes)
      : port_(static_cast<sockdiag::Port>(port)), view_(port_, snmpPath, eventBufferBytes) {}

  void look();
  /// Nobody is connected, as the clients know it: the tracker must agree, by whatever way.
  void checkQuiet();
  /// Holds what was seen against the clients' own record.
  void checkAgainst(const Shared& shared, bool allEventsCame);

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
