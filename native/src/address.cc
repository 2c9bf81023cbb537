#include "sockdiag/address.h"

#include <arpa/inet.h>

namespace sockdiag {

AddressText toText(const InetAddress& address) {
  AddressText text{};
  ::inet_ntop(address.family, address.bytes.data(), text.data(), text.size());
  return text;
}

}  // namespace sockdiag
