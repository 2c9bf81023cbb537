#pragma once

#include <napi.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>

#include "sockdiag/bytes.h"
#include "sockdiag/list.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"
#include "sockdiag/unix_dump.h"

// Conversion of values and errors. If a value cannot be converted, an exception is pending in `env`
// and the result is empty.

namespace addon {

/// Creates all errors that come from the kernel. They look like Node's own: `errno` is negative,
/// `syscall` is the operation.
void throwFailure(Napi::Env env, const sockdiag::Failure& failure);
void throwTypeError(Napi::Env env, const char* message);

std::optional<sockdiag::Port> toPort(Napi::Value value);
std::optional<pid_t> toPid(Napi::Value value);
/// Points into the array's memory.
std::optional<sockdiag::Bytes> toName(Napi::Value value);
/// Points into the array's memory.
std::optional<std::span<const double>> toCookies(Napi::Value value);

Napi::Value toValue(Napi::Env env, const sockdiag::List<sockdiag::TcpSocket>& sockets);
Napi::Value toValue(Napi::Env env, const sockdiag::UnixSockets& sockets);
/// A Float64Array with rows of three numbers, one for each socket that is visible: its cookie, its
/// inode, and 1 for a listener.
Napi::Value toIds(Napi::Env env, std::span<const sockdiag::TcpSocket> sockets);
/// A Float64Array with rows of seven numbers, one for each connection that is ESTABLISHED: its
/// cookie, bytes received and acknowledged, milliseconds since it has received, sent and got an
/// acknowledgement, and the number of what is unanswered. -1 is an unknown one.
Napi::Value toTraffic(Napi::Env env, std::span<const sockdiag::TcpSocket> sockets);
Napi::Value toValue(Napi::Env env, const sockdiag::List<sockdiag::Port>& ports);

/// Exact up to 2^53, which no revision or count reaches in a process's lifetime.
Napi::Value toValue(Napi::Env env, std::uint64_t number);

template <typename T>
Napi::Value valueOrThrow(Napi::Env env, const sockdiag::Result<T>& result) {
  if (result.ok()) return toValue(env, result.value());
  throwFailure(env, result.failure());
  return {};
}

}  // namespace addon
