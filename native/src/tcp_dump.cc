#include "sockdiag/tcp_dump.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>

#include "sockdiag/request.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

namespace {

/// Appends the sockets of one request to the list, keeping what was there before.
class FamilySink final : public DumpSink {
 public:
  FamilySink(TcpQuery query, List<TcpSocket>& sockets)
      : query_(query), sockets_(sockets), before_(sockets.size()) {}

  void restart() override { sockets_.shrinkTo(before_); }

  Status add(Bytes payload) override {
    const auto socket = parseTcpSocket(payload, query_);
    if (!socket.ok()) return socket.failure();
    return socket.value() ? sockets_.append(*socket.value()) : Done{};
  }

 private:
  TcpQuery query_;
  List<TcpSocket>& sockets_;
  std::size_t before_;
};

/// The kernel understood the request but does not support this form.
bool isRefusal(const Failure& failure) {
  return failure.error == EOPNOTSUPP || failure.error == EINVAL || failure.error == ENOENT;
}

}  // namespace

Status dumpTcp(Exchange& exchange, Port localPort, StateMask states, Traffic traffic,
               List<TcpSocket>& sockets) {
  sockets.clear();
  for (const auto family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    FamilySink sink{{.family = family, .localPort = localPort, .states = states}, sockets};
    const auto request = tcpDumpRequest(family, localPort, states, traffic);
    if (auto dumped = exchange.dump(request, sink); !dumped.ok()) return dumped;
  }
  return Done{};
}

Status TcpDumper::dump(Port localPort, StateMask states, Traffic traffic,
                       List<TcpSocket>& sockets) {
  if (!isRefused_) {
    sockets.clear();
    FamilySink sink{{.family = AF_UNSPEC, .localPort = localPort, .states = states}, sockets};
    auto dumped = exchange_.dump(tcpBothFamiliesRequest(localPort, states, traffic), sink);
    if (dumped.ok() || !isRefusal(dumped.failure())) return dumped;
  }
  auto dumped = dumpTcp(exchange_, localPort, states, traffic, sockets);
  // If both forms fail, the form is not the cause.
  isRefused_ = dumped.ok();
  return dumped;
}

}  // namespace sockdiag
