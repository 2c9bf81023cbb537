#include "sockdiag/kernel_tcp_view.h"

#include <cerrno>
#include <ctime>

#include "sockdiag/tcp_socket.h"

namespace sockdiag {

namespace {

class ResultSink final : public LookupSink {
 public:
  ResultSink(std::span<const TcpSocket> sockets, List<LookupResult>& results)
      : sockets_(sockets), results_(results) {
    results_.clear();
  }

  Status found(std::size_t index, Bytes payload) override {
    const auto& asked = sockets_[index];
    const auto result =
        parseTcpSocket(payload, {.family = static_cast<std::uint8_t>(asked.local.address.family),
                                 .localPort = asked.local.port,
                                 .states = kTrackedStates});
    if (!result.ok()) return result.failure();
    if (result.value() && result.value()->cookie != asked.cookie) return malformed();
    return results_.append(result.value());
  }

  Status gone(std::size_t /*index*/) override { return results_.append(std::nullopt); }

 private:
  std::span<const TcpSocket> sockets_;
  List<LookupResult>& results_;
};

}  // namespace

Status KernelTcpView::dump(StateMask states, Traffic traffic, List<TcpSocket>& sockets) {
  return kernel_.tcpDumper.dump(localPort_, states, traffic, sockets);
}

Status KernelTcpView::lookUp(std::span<const TcpSocket> sockets, Traffic traffic,
                             List<LookupResult>& results) {
  ResultSink sink{sockets, results};
  return kernel_.exchange.lookUp(
      sockets.size(), [&](std::size_t index) { return tcpLookupRequest(sockets[index], traffic); },
      sink);
}

Nanoseconds KernelTcpView::now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::chrono::seconds{time.tv_sec} + Nanoseconds{time.tv_nsec};
}

}  // namespace sockdiag
