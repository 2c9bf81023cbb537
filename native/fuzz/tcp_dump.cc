#include "sockdiag/tcp_dump.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>

#include "fuzzed_kernel.h"
#include "script.h"

// Dumps and lookups against a kernel that answers correctly, but not always completely: the result
// is the kernel's table, or an error.

namespace {

using namespace sockdiag;
using fuzz::Buffer;

constexpr Port kPort{1234};

/// The sockets, by the low word of their cookie.
using Table = std::map<std::uint32_t, inet_diag_msg>;

class TcpKernel final : public fuzz::FuzzedKernel {
 public:
  using FuzzedKernel::FuzzedKernel;

  void change() {
    constexpr std::array kStates{BPF_TCP_ESTABLISHED, BPF_TCP_LISTEN, BPF_TCP_CLOSE_WAIT,
                                 BPF_TCP_SYN_RECV};
    const auto what = script().next();
    if (what % 4 == 3 && !table.empty()) {
      table.erase(std::next(table.begin(), static_cast<std::ptrdiff_t>(what) / 4 %
                                               static_cast<std::ptrdiff_t>(table.size())));
      return;
    }
    inet_diag_msg socket{};
    socket.idiag_family = what % 2 == 0 ? AF_INET : AF_INET6;
    socket.idiag_state = static_cast<__u8>(kStates[script().choose(kStates.size())]);
    socket.id.idiag_sport = htons(script().choose(4) == 3 ? 12345 : 1234);
    socket.id.idiag_dport = htons(static_cast<std::uint16_t>(lastCookie_));
    socket.id.idiag_cookie[0] = ++lastCookie_;
    table.emplace(lastCookie_, socket);
  }

  Table table;

 private:
  std::vector<Buffer> messagesFor(Bytes request) override {
    const auto header = *readAt<nlmsghdr>(request);
    if (header.nlmsg_type == TCPDIAG_GETSOCK) {
      const auto asked = *readAt<inet_diag_req>(request, sizeof(nlmsghdr));
      return matching(header, AF_UNSPEC, asked.id.idiag_sport, asked.idiag_states);
    }
    const auto asked = *readAt<inet_diag_req_v2>(request, sizeof(nlmsghdr));
    if ((header.nlmsg_flags & NLM_F_DUMP) != 0) {
      return matching(header, asked.sdiag_family, asked.id.idiag_sport, asked.idiag_states);
    }
    const auto found = table.find(asked.id.idiag_cookie[0]);
    if (found != table.end() && asked.id.idiag_cookie[1] == 0)
      return {toMessage(header, found->second)};
    Buffer refusal(sizeof(nlmsgerr));
    const int error = -ENOENT;
    std::memcpy(refusal.data(), &error, sizeof(error));
    return {fuzz::message(NLMSG_ERROR, header.nlmsg_seq, 0, refusal)};
  }

  std::vector<Buffer> matching(const nlmsghdr& header, int family, __be16 port,
                               __u32 states) const {
    std::vector<Buffer> messages;
    messages.reserve(table.size());
    for (const auto& [cookie, socket] : table) {
      const bool isWanted = (family == AF_UNSPEC || socket.idiag_family == family) &&
                            socket.id.idiag_sport == port &&
                            (states >> socket.idiag_state & 1U) != 0;
      if (isWanted) messages.push_back(toMessage(header, socket));
    }
    return messages;
  }

  static Buffer toMessage(const nlmsghdr& header, const inet_diag_msg& socket) {
    const rtattr shutdown{.rta_len = RTA_LENGTH(1), .rta_type = INET_DIAG_SHUTDOWN};
    Buffer payload(sizeof(socket) + RTA_SPACE(1));
    std::memcpy(payload.data(), &socket, sizeof(socket));
    std::memcpy(payload.data() + sizeof(socket), &shutdown, sizeof(shutdown));
    return fuzz::message(header.nlmsg_type, header.nlmsg_seq, NLM_F_MULTI, payload);
  }

  std::uint32_t lastCookie_ = 0;
};

std::vector<std::uint32_t> cookiesIn(const Table& table, StateMask states) {
  std::vector<std::uint32_t> cookies;
  for (const auto& [cookie, socket] : table) {
    const bool isOurs = socket.id.idiag_sport == htons(1234);
    if (isOurs && contains(states, static_cast<SocketState>(socket.idiag_state))) {
      cookies.push_back(cookie);
    }
  }
  return cookies;
}

std::vector<std::uint32_t> cookiesOf(const List<TcpSocket>& sockets) {
  std::vector<std::uint32_t> cookies;
  for (const auto& each : sockets) cookies.push_back(static_cast<std::uint32_t>(each.cookie));
  std::ranges::sort(cookies);
  return cookies;
}

class Answers final : public LookupSink {
 public:
  Answers(const List<TcpSocket>& asked, const TcpKernel& kernel) : asked_(asked), kernel_(kernel) {}

  Status found(std::size_t index, Bytes payload) override {
    const auto message = readAt<inet_diag_msg>(payload);
    check(index, message && message->id.idiag_cookie[0] == asked_[index].cookie, true);
    return Done{};
  }
  Status gone(std::size_t index) override {
    check(index, true, false);
    return Done{};
  }

  std::size_t count = 0;

 private:
  void check(std::size_t index, bool isTheSame, bool isFound) {
    fuzz::require(index == count++, "replies are in the order of the requests");
    if (kernel_.isCorrupted()) return;
    const auto cookie = asked_[index].cookie;
    const bool isThere =
        cookie <= UINT32_MAX && kernel_.table.contains(static_cast<std::uint32_t>(cookie));
    fuzz::require(isTheSame && isThere == isFound, "a lookup finds exactly what exists");
  }

  const List<TcpSocket>& asked_;
  const TcpKernel& kernel_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Script script{fuzz::bytesOf(data, size)};
  TcpKernel kernel{script};
  Exchange exchange{kernel};
  TcpDumper dumper{exchange};
  List<TcpSocket> sockets;
  constexpr auto kStates = kVisibleStates | maskOf(SocketState::kSynReceived);

  while (!script.isOver()) {
    const auto what = script.choose(4);
    kernel.begin();
    if (what == 0) {
      kernel.change();
    } else if (what < 3) {
      const auto dumped = what == 1 ? dumper.dump(kPort, kStates, Traffic::kLeftOut, sockets)
                                    : dumpTcp(exchange, kPort, kStates, Traffic::kLeftOut, sockets);
      if (!dumped.ok()) {
        fuzz::require(dumped.failure().error > 0, "an error has an errno");
        sockets.clear();
      } else if (!kernel.isCorrupted()) {
        fuzz::require(cookiesOf(sockets) == cookiesIn(kernel.table, kStates),
                      "a complete dump is the kernel's table");
      }
    } else {
      Answers answers{sockets, kernel};
      const auto ask = [&](std::size_t index) {
        return tcpLookupRequest(sockets[index], Traffic::kLeftOut);
      };
      const auto looked = exchange.lookUp(sockets.size(), ask, answers);
      fuzz::require(!looked.ok() || answers.count == sockets.size(), "every lookup is answered");
    }
  }
  return 0;
}
