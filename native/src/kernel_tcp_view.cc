#include "sockdiag/kernel_tcp_view.h"

#include <sys/socket.h>

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

Status KernelTcpView::dump(StateMask states, List<TcpSocket>& sockets) {
  return dumper_.dump(localPort_, states, sockets);
}

Status KernelTcpView::lookUp(std::span<const TcpSocket> sockets, Traffic traffic,
                             List<LookupResult>& results) {
  ResultSink sink{sockets, results};
  return exchange_.lookUp(
      sockets.size(), [&](std::size_t index) { return tcpLookupRequest(sockets[index], traffic); },
      sink);
}

Result<EventLoss> KernelTcpView::takeDestroyed(DestroyedSink& sink) {
  if (!hasEvents()) return Failure{.operation = "bind", .error = ENOTCONN};
  auto taken = sockdiag::takeDestroyed(events_, localPort_, sink);
  if (!taken.ok()) eventsFailed_ = true;
  return taken;
}

Nanoseconds KernelTcpView::now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::chrono::seconds{time.tv_sec} + Nanoseconds{time.tv_nsec};
}

void KernelTcpView::drop() {
  socket_.drop();
  dumper_.reset();
  passiveOpens_.drop();
}

int KernelTcpView::eventDescriptor() { return hasEvents() ? events_.descriptor() : -1; }

bool KernelTcpView::hasEvents() {
  if (!events_.isOpen() && !eventsFailed_) {
    eventsFailed_ = !events_.open(localPort_, eventBufferBytes_).ok();
  }
  return !eventsFailed_;
}

}  // namespace sockdiag
