#include "model_kernel.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "model_view.h"

namespace sockdiag::fuzz {

namespace {

constexpr auto kListen = SocketState::kListen;
constexpr auto kEstablished = SocketState::kEstablished;
constexpr auto kSynReceived = SocketState::kSynReceived;
constexpr auto kCloseWait = SocketState{8};
constexpr std::size_t kMostSockets = 24;

bool isVisible(SocketState state) { return contains(kVisibleStates, state); }

template <typename Value>
void appendAttribute(Buffer& to, std::uint16_t type, const Value& value) {
  const rtattr header{.rta_len = RTA_LENGTH(sizeof(value)), .rta_type = type};
  for (const auto part :
       {std::as_bytes(std::span{&header, 1}), std::as_bytes(std::span{&value, 1})}) {
    to.insert(to.end(), part.begin(), part.end());
  }
  to.resize(RTA_ALIGN(to.size()));
}

Buffer eventOf(const TcpSocket& socket) {
  inet_diag_msg body{};
  body.idiag_family = AF_INET;
  body.idiag_state = static_cast<__u8>(7);  // TCP_CLOSE
  body.id.idiag_sport = htons(static_cast<std::uint16_t>(socket.local.port));
  body.id.idiag_dport = htons(static_cast<std::uint16_t>(socket.peer.port));
  body.id.idiag_cookie[0] = static_cast<__u32>(socket.cookie);
  const auto bytes = std::as_bytes(std::span{&body, 1});
  Buffer payload{bytes.begin(), bytes.end()};
  appendAttribute(payload, INET_DIAG_SHUTDOWN, __u8{0});
  tcp_info info{};
  info.tcpi_bytes_received = socket.bytesReceived.value_or(0);
  appendAttribute(payload, INET_DIAG_INFO, info);
  return message(SOCK_DIAG_BY_FAMILY, 0, 0, payload);
}

}  // namespace

Status ModelKernel::open() {
  if (std::exchange(eventsFail_, false)) return Failure{.operation = "bind", .error = EPERM};
  isOpen_ = true;
  return Done{};
}

void ModelKernel::receiveOnly(std::span<const Port> ports) {
  filter_ = {ports.begin(), ports.end()};
}

void ModelKernel::close() {
  isOpen_ = false;
  eventsAreLost_ = false;
  events_.clear();
}

Result<std::optional<Datagram>> ModelKernel::receive(std::span<std::byte> buffer) {
  maybeStep();
  if (std::exchange(eventsFail_, false)) {
    loseEvents();
    return Failure{.operation = "recvmsg", .error = EPERM};
  }
  if (std::exchange(eventsAreLost_, false))
    return Failure{.operation = "recvmsg", .error = ENOBUFS};
  if (events_.empty()) return std::optional<Datagram>{};
  const auto event = std::move(events_.front());
  events_.pop_front();
  std::ranges::copy(event, buffer.begin());
  return std::optional{
      Datagram{.bytes = buffer.first(event.size()), .senderPort = 0, .truncated = false}};
}

void ModelKernel::step(std::uint8_t what) {
  const Port port{static_cast<std::uint16_t>(1 + what / 16 % kPorts)};
  switch (what % 16) {
    case 0:
    case 1:
      return add(port, kEstablished, true, true);
    case 2:
      return add(port, kEstablished, true, false);
    case 3:  // TCP Fast Open.
      return add(port, kSynReceived, true, true);
    case 4:  // TCP_REPAIR.
      return add(port, kEstablished, false, true);
    case 5:
      return add(port, kListen, false, true);
    case 6:
    case 7:
      if (!sockets_.empty()) remove(script_.choose(sockets_.size()));
      return;
    case 8:
      if (auto* const one = anyIn(kSynReceived)) setState(*one, kEstablished);
      return;
    case 9:
      if (auto* const one = anyIn(kEstablished)) setState(*one, kCloseWait);
      return;
    case 10:
      if (auto* const one = anyIn(kEstablished)) one->socket.inode = 4711;
      return;
    case 11:  // It shares its address with another one.
      if (auto* const one = anyIn(kListen)) one->isHidden = true;
      return;
    case 12:
      for (auto& each : sockets_) list(each);
      return;
    case 13:
      time_ += std::chrono::milliseconds{100} * script_.next();
      return;
    case 14:  // A connection to another port.
      ++counter_;
      return;
    default:
      return injectFaultOrByte();
  }
}

void ModelKernel::injectFaultOrByte() {
  switch (script_.choose(6)) {
    case 0:
      counterFails = true;
      return;
    case 5:
      if (auto* const one = anyIn(kEstablished)) moveByte(*one);
      return;
    case 1:
      dumpFails = true;
      return;
    case 2:
      lookUpFails = true;
      return;
    case 3:
      eventsFail_ = true;
      return;
    default:
      if (!isOpen_) return;
      eventsAreLost_ = true;
      events_.clear();
      loseEvents();
  }
}

void ModelKernel::maybeStep() {
  for (auto times = script_.choose(4); times > 1; --times) step(script_.next());
}

void ModelKernel::add(Port port, SocketState state, bool isCounted, bool isListed) {
  if (sockets_.size() == kMostSockets) return;
  ModelSocket added{
      .socket = {}, .isCounted = isCounted, .isListed = isListed, .listedAt = time_, .readBy = {}};
  added.socket.state = state;
  added.socket.cookie = ++lastCookie_;
  added.socket.local.port = port;
  added.socket.bytesReceived = 0;
  added.socket.bytesAcked = 0;
  added.socket.peer.port = Port{static_cast<std::uint16_t>(state == kListen ? 0 : lastCookie_)};
  if (isCounted) ++counter_;
  sockets_.push_back(added);
  if (isListed) noteVisible(added);
}

void ModelKernel::remove(std::size_t index) {
  auto removed = sockets_[index].socket;
  ++segments_;
  sockets_.erase(sockets_.begin() + static_cast<std::ptrdiff_t>(index));
  // A socket that its own process reset has lost its peer address and its byte counts.
  if (script_.choose(4) == 3) {
    removed.peer.port = Port{0};
  } else {
    removed.bytesReceived = removed.cookie % 3;
  }
  for (auto* const view : views_) {
    if (view->isOf(removed.local.port)) view->wasRemoved(removed);
  }
  // The filter may pass more than was asked for.
  const bool isPassed = filter_.contains(removed.local.port) || removed.cookie % 2 == 0;
  if (isOpen_ && isPassed && !eventsAreLost_) events_.push_back(eventOf(removed));
}

void ModelKernel::setState(ModelSocket& socket, SocketState state) {
  socket.socket.state = state;
  ++segments_;
  if (!isVisible(state)) {
    for (auto* const view : views_) view->becameInvisible(socket.socket.cookie);
  }
  noteVisible(socket);
}

void ModelKernel::moveByte(ModelSocket& socket) {
  ++segments_;
  ++*socket.socket.bytesReceived;
}

void ModelKernel::list(ModelSocket& socket) {
  if (socket.isListed) return;
  socket.isListed = true;
  socket.listedAt = time_;
  noteVisible(socket);
}

void ModelKernel::noteVisible(const ModelSocket& socket) {
  if (!socket.isListed || !isVisible(socket.socket.state)) return;
  for (auto* const view : views_) view->becameVisible(socket.socket.cookie);
}

void ModelKernel::loseEvents() {
  for (auto* const view : views_) view->eventsWereLost();
}

ModelSocket* ModelKernel::anyIn(SocketState state) {
  std::vector<ModelSocket*> matching;
  for (auto& each : sockets_) {
    if (each.isListed && each.socket.state == state) matching.push_back(&each);
  }
  return matching.empty() ? nullptr : matching[script_.choose(matching.size())];
}

}  // namespace sockdiag::fuzz
