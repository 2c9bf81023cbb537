#include <napi.h>

#include <array>
#include <cstdio>
#include <optional>

#include "sockdiag/sock_diag.h"

// The table of exports, and the crossing of values and errors. What is asked of the kernel, and
// how, is libsockdiag's.

namespace {

using sockdiag::Failure;
using sockdiag::SocketState;
using sockdiag::TcpSocket;
using sockdiag::UnixSockets;

/// The only maker of errors that come from the kernel. Shaped as Node's own: `errno` is negative,
/// `syscall` is the operation.
void throwFailure(Napi::Env env, const Failure& failure) {
  std::array<char, 96> message;
  std::snprintf(message.data(), message.size(), "%s failed with errno %d", failure.operation,
                failure.error);
  auto error = Napi::Error::New(env, message.data());
  error.Set("errno", Napi::Number::New(env, -failure.error));
  error.Set("syscall", Napi::String::New(env, failure.operation));
  error.ThrowAsJavaScriptException();
}

template <typename Integer>
Napi::Value numberOrNull(Napi::Env env, const std::optional<Integer>& value) {
  if (!value) return env.Null();
  return Napi::Number::New(env, static_cast<double>(*value));
}

Napi::Object toObject(Napi::Env env, const TcpSocket& socket) {
  auto object = Napi::Object::New(env);
  object.Set("state", socket.state == SocketState::kListen ? "listen" : "established");
  object.Set("localAddress", sockdiag::toText(socket.local.address).data());
  object.Set("localPort", static_cast<std::uint32_t>(socket.local.port));
  object.Set("peerAddress", sockdiag::toText(socket.peer.address).data());
  object.Set("peerPort", static_cast<std::uint32_t>(socket.peer.port));
  object.Set("inode", socket.inode);
  object.Set("uid", socket.uid);
  object.Set("cookie", Napi::BigInt::New(env, socket.cookie));
  object.Set("bytesReceived", numberOrNull(env, socket.bytesReceived));
  object.Set("bytesAcked", numberOrNull(env, socket.bytesAcked));
  object.Set("lastDataSentMs", numberOrNull(env, socket.lastDataSentMs));
  object.Set("lastDataReceivedMs", numberOrNull(env, socket.lastDataReceivedMs));
  object.Set("lastAckReceivedMs", numberOrNull(env, socket.lastAckReceivedMs));
  return object;
}

template <typename Item, typename Convert>
Napi::Array toArray(Napi::Env env, const std::vector<Item>& items, Convert convert) {
  auto array = Napi::Array::New(env, items.size());
  std::uint32_t index = 0;
  for (const auto& item : items) {
    const Napi::HandleScope scope{env};
    array.Set(index++, convert(item));
  }
  return array;
}

Napi::Object toObject(Napi::Env env, const UnixSockets& sockets) {
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

/// Marks our objects, so that a method called on anything else is refused and not let loose on its
/// memory. V8 sees to that by itself; the engines of other runtimes that load addons may not.
constexpr napi_type_tag kTypeTag{.lower = 0x8d51c2f06ab94e37, .upper = 0xb2c9407d135ae886};

class SockDiag : public Napi::ObjectWrap<SockDiag> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "SockDiag",
        {InstanceMethod<&SockDiag::tcp>("tcp"), InstanceMethod<&SockDiag::unixByName>("unix"),
         InstanceMethod<&SockDiag::close>("close")});
  }

  explicit SockDiag(const Napi::CallbackInfo& info) : ObjectWrap(info), core_(std::in_place) {
    info.This().As<Napi::Object>().TypeTag(&kTypeTag);
  }

  /// Takes the place of ObjectWrap's, which every method goes through and which takes any wrapped
  /// object for ours.
  static SockDiag* Unwrap(Napi::Object object) {
    if (object.IsObject() && object.CheckTypeTag(&kTypeTag)) return ObjectWrap::Unwrap(object);
    throwTypeError(object.Env(), "Expected a SockDiag as the receiver of its methods");
    return nullptr;
  }

 private:
  static void throwTypeError(Napi::Env env, const char* message) {
    Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  }

  bool isOpen(Napi::Env env) const {
    if (!core_) Napi::Error::New(env, "This SockDiag is closed").ThrowAsJavaScriptException();
    return core_.has_value();
  }

  Napi::Value tcp(const Napi::CallbackInfo& info) {
    const auto env = info.Env();
    const double port = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
    if (!(port >= 1 && port <= UINT16_MAX) || port != std::uint16_t(port)) {
      throwTypeError(env, "Expected an integer from 1 to 65535 for localPort");
      return {};
    }
    if (!isOpen(env)) return {};
    const auto sockets = core_->tcpSockets(static_cast<sockdiag::Port>(port));
    if (!sockets.ok()) {
      throwFailure(env, sockets.failure());
      return {};
    }
    return toArray(env, sockets.value(),
                   [env](const auto& socket) { return toObject(env, socket); });
  }

  Napi::Value unixByName(const Napi::CallbackInfo& info) {
    const auto env = info.Env();
    const bool isBytes = info[0].IsTypedArray() &&
                         info[0].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
    if (!isBytes || info[0].As<Napi::Uint8Array>().ByteLength() == 0) {
      throwTypeError(env, "Expected a Uint8Array of at least one byte for name");
      return {};
    }
    if (!isOpen(env)) return {};
    const auto name = info[0].As<Napi::Uint8Array>();
    const auto sockets =
        core_->unixSockets(std::as_bytes(std::span{name.Data(), name.ByteLength()}));
    if (!sockets.ok()) {
      throwFailure(env, sockets.failure());
      return {};
    }
    return toObject(env, sockets.value());
  }

  void close(const Napi::CallbackInfo& /*info*/) { core_.reset(); }

  std::optional<sockdiag::SockDiag> core_;
};

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports.Set("sourceHash", SOURCE_HASH);
  exports.Set("SockDiag", SockDiag::define(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(sockdiag, initialize)
