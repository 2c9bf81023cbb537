#include "values.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace addon {

namespace {

using sockdiag::TcpSocket;

template <typename Integer>
Napi::Value numberOrNull(Napi::Env env, const std::optional<Integer>& value) {
  if (!value) return env.Null();
  return Napi::Number::New(env, static_cast<double>(*value));
}

Napi::Object toObject(Napi::Env env, const TcpSocket& socket) {
  auto object = Napi::Object::New(env);
  object.Set("state", isListener(socket) ? "listen" : "established");
  object.Set("localAddress", sockdiag::toText(socket.local.address).data());
  object.Set("localPort", static_cast<std::uint32_t>(socket.local.port));
  object.Set("peerAddress", sockdiag::toText(socket.peer.address).data());
  object.Set("peerPort", static_cast<std::uint32_t>(socket.peer.port));
  object.Set("inode", socket.inode);
  object.Set("uid", socket.uid);
  object.Set("cookie", Napi::BigInt::New(env, socket.cookie));
  object.Set("unanswered", static_cast<std::uint32_t>(socket.unanswered));
  object.Set("bytesReceived", numberOrNull(env, socket.bytesReceived));
  object.Set("bytesAcked", numberOrNull(env, socket.bytesAcked));
  object.Set("lastDataSentMs", numberOrNull(env, socket.lastDataSentMs));
  object.Set("lastDataReceivedMs", numberOrNull(env, socket.lastDataReceivedMs));
  object.Set("lastAckReceivedMs", numberOrNull(env, socket.lastAckReceivedMs));
  return object;
}

/// The same as a number: the kernel counts cookies from the boot on, and does not reach 2^53.
double cookieOf(const TcpSocket& socket) { return static_cast<double>(socket.cookie); }

template <typename Integer>
double numberOrUnknown(const std::optional<Integer>& value) {
  return value ? static_cast<double>(*value) : -1;
}

/// A Float64Array with one row for each socket of `sockets` that is `shown`.
template <std::size_t columns, typename Shown, typename Row>
Napi::Value toRows(Napi::Env env, std::span<const TcpSocket> sockets, Shown shown, Row row) {
  const auto count = static_cast<std::size_t>(std::ranges::count_if(sockets, shown));
  auto array = Napi::Float64Array::New(env, count * columns);
  if (env.IsExceptionPending()) return {};
  double* next = array.Data();
  for (const auto& socket : sockets) {
    if (!shown(socket)) continue;
    const std::array<double, columns> numbers = row(socket);
    next = std::ranges::copy(numbers, next).out;
  }
  return Napi::Value{env, array};
}

template <typename Item, typename Convert>
Napi::Array toArray(Napi::Env env, const sockdiag::List<Item>& items, Convert convert) {
  auto array = Napi::Array::New(env, items.size());
  std::uint32_t index = 0;
  for (const auto& item : items) {
    const Napi::HandleScope scope{env};
    array.Set(index++, convert(item));
  }
  return array;
}

}  // namespace

void throwFailure(Napi::Env env, const sockdiag::Failure& failure) {
  std::array<char, 96> message;
  std::snprintf(message.data(), message.size(), "%s failed with errno %d", failure.operation,
                failure.error);
  auto error = Napi::Error::New(env, message.data());
  error.Set("errno", Napi::Number::New(env, -failure.error));
  error.Set("syscall", Napi::String::New(env, failure.operation));
  error.ThrowAsJavaScriptException();
}

void throwTypeError(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
}

std::optional<sockdiag::Port> toPort(Napi::Value value) {
  const double port = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
  if (!(port >= 1 && port <= UINT16_MAX) || port != std::uint16_t(port)) {
    throwTypeError(value.Env(), "Expected an integer from 1 to 65535 for localPort");
    return {};
  }
  return static_cast<sockdiag::Port>(port);
}

std::optional<pid_t> toPid(Napi::Value value) {
  const double pid = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
  if (!(pid >= 1 && pid <= INT32_MAX) || pid != std::int32_t(pid)) {
    throwTypeError(value.Env(), "Expected a positive integer for pid");
    return {};
  }
  return static_cast<pid_t>(pid);
}

std::optional<sockdiag::Bytes> toName(Napi::Value value) {
  const bool isBytes =
      value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  if (!isBytes || value.As<Napi::Uint8Array>().ByteLength() == 0) {
    throwTypeError(value.Env(), "Expected a Uint8Array of at least one byte for name");
    return {};
  }
  const auto name = value.As<Napi::Uint8Array>();
  return std::as_bytes(std::span{name.Data(), name.ByteLength()});
}

std::optional<std::span<const double>> toCookies(Napi::Value value) {
  if (!value.IsTypedArray() ||
      value.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    throwTypeError(value.Env(), "Expected a Float64Array for cookies");
    return {};
  }
  const auto cookies = value.As<Napi::Float64Array>();
  return std::span{cookies.Data(), cookies.ElementLength()};
}

Napi::Value toIds(Napi::Env env, std::span<const TcpSocket> sockets) {
  return toRows<3>(env, sockets, sockdiag::isVisible, [](const TcpSocket& socket) {
    return std::array{cookieOf(socket), static_cast<double>(socket.inode),
                      isListener(socket) ? 1.0 : 0.0};
  });
}

Napi::Value toTraffic(Napi::Env env, std::span<const TcpSocket> sockets) {
  return toRows<7>(env, sockets, sockdiag::isConnection, [](const TcpSocket& socket) {
    return std::array{cookieOf(socket),
                      numberOrUnknown(socket.bytesReceived),
                      numberOrUnknown(socket.bytesAcked),
                      numberOrUnknown(socket.lastDataReceivedMs),
                      numberOrUnknown(socket.lastDataSentMs),
                      numberOrUnknown(socket.lastAckReceivedMs),
                      static_cast<double>(socket.unanswered)};
  });
}

Napi::Value toValue(Napi::Env env, const sockdiag::List<TcpSocket>& sockets) {
  return toArray(env, sockets, [env](const auto& socket) { return toObject(env, socket); });
}

Napi::Value toValue(Napi::Env env, const sockdiag::UnixSockets& sockets) {
  auto object = Napi::Object::New(env);
  object.Set("listeners", toArray(env, sockets.listeners, [env](const auto& listener) {
               auto item = Napi::Object::New(env);
               item.Set("inode", listener.inode);
               item.Set("queuedPeerInodes",
                        toArray(env, listener.queuedPeerInodes, [env](std::uint32_t inode) {
                          return Napi::Number::New(env, inode);
                        }));
               return item;
             }));
  object.Set("accepted", toArray(env, sockets.accepted, [env](const auto& accepted) {
               auto item = Napi::Object::New(env);
               item.Set("inode", accepted.inode);
               item.Set("peerInode", accepted.peerInode);
               return item;
             }));
  return object;
}

Napi::Value toValue(Napi::Env env, const sockdiag::List<sockdiag::Port>& ports) {
  return toArray(env, ports, [env](sockdiag::Port port) {
    return Napi::Number::New(env, static_cast<std::uint32_t>(port));
  });
}

Napi::Value toValue(Napi::Env env, std::uint64_t number) {
  return Napi::Number::New(env, static_cast<double>(number));
}

}  // namespace addon
