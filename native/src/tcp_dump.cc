#include "sockdiag/tcp_dump.h"

#include <sys/socket.h>

#include <cstddef>

#include "sockdiag/inet_message.h"
#include "sockdiag/request.h"

namespace sockdiag {

namespace {

/// Appends one family's sockets to those of the family before it.
class FamilySink final : public DumpSink {
 public:
  FamilySink(TcpQuestion question, std::vector<TcpSocket>& sockets)
      : question_(question), sockets_(sockets), before_(sockets.size()) {}

  void restart() override {
    sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(before_), sockets_.end());
  }

  Status add(Bytes payload) override {
    const auto socket = parseTcpSocket(payload, question_);
    if (!socket.ok()) return socket.failure();
    if (socket.value()) sockets_.push_back(*socket.value());
    return Done{};
  }

 private:
  TcpQuestion question_;
  std::vector<TcpSocket>& sockets_;
  std::size_t before_;
};

}  // namespace

Result<std::vector<TcpSocket>> dumpTcp(Conversation& conversation, Port localPort) {
  constexpr auto kStates = maskOf(SocketState::kEstablished) | maskOf(SocketState::kListen);
  std::vector<TcpSocket> sockets;
  for (const auto family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    FamilySink sink{{.family = family, .localPort = localPort}, sockets};
    auto dumped = conversation.dump(tcpDumpRequest(family, localPort, kStates), sink);
    if (!dumped.ok()) return dumped.failure();
  }
  return sockets;
}

}  // namespace sockdiag
