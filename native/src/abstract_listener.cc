#include "sockdiag/abstract_listener.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace sockdiag {

Result<UniqueFd> listenAbstract(Bytes name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A leading NUL makes a name abstract; its length follows from the address size.
  if (name.size() >= sizeof(address.sun_path)) return Failure{"bind", ENAMETOOLONG};
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = offsetof(sockaddr_un, sun_path) + 1 + name.size();

  UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!listener.isOpen()) return Failure{"socket", errno};
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address),
             static_cast<socklen_t>(size)) != 0) {
    return Failure{"bind", errno};
  }
  if (::listen(listener.get(), 0) != 0) return Failure{"listen", errno};
  return listener;
}

}  // namespace sockdiag
