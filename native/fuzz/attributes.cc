#include <linux/rtnetlink.h>

#include <vector>

#include "script.h"
#include "sockdiag/netlink_message.h"

// The attributes are those that the kernel's macros find, and input on which the macros stop early
// is an error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sockdiag;
  const std::vector<std::uint8_t> aligned{data, data + size};
  const auto* expected = reinterpret_cast<const rtattr*>(aligned.data());
  auto rest = static_cast<int>(size);

  for (Attributes attributes{fuzz::bytesOf(aligned.data(), aligned.size())};;) {
    const auto attribute = attributes.next();
    const bool isNext = rest > 0 && RTA_OK(expected, rest);
    if (!attribute.ok()) {
      fuzz::require(!isNext && rest > 0, "only an inconsistent length is an error");
      return 0;
    }
    if (!attribute.value()) {
      fuzz::require(rest <= 0, "all bytes are read");
      return 0;
    }
    fuzz::require(isNext, "every attribute was in the input");
    const auto& [type, payload] = *attribute.value();
    fuzz::require(type == (expected->rta_type & NLA_TYPE_MASK),
                  "the type is the one that the kernel's macros give");
    fuzz::require(payload.data() == static_cast<const void*>(RTA_DATA(expected)) &&
                      payload.size() == RTA_PAYLOAD(expected),
                  "the payload is the one that the kernel's macros give");
    // As RTA_NEXT, which counts the padding even if the bytes end without it.
    const auto step = RTA_ALIGN(expected->rta_len);
    expected = reinterpret_cast<const rtattr*>(reinterpret_cast<const char*>(expected) + step);
    rest -= static_cast<int>(step);
  }
}
