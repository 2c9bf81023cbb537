#include "support.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace sockdiag::test {

Buffer hex(std::string_view annotated) {
  Buffer bytes;
  for (std::size_t at = 0; at < annotated.size(); ++at) {
    if (annotated[at] == '#') {
      at = std::min(annotated.find('\n', at), annotated.size());
    } else if (std::isxdigit(static_cast<unsigned char>(annotated[at])) != 0) {
      std::uint8_t byte = 0;
      std::from_chars(annotated.data() + at, annotated.data() + at + 2, byte, 16);
      bytes.push_back(std::byte{byte});
      ++at;
    }
  }
  return bytes;
}

Buffer joined(std::initializer_list<Buffer> parts) {
  Buffer whole;
  for (const auto& part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

Buffer prefix(const Buffer& bytes, std::size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

Buffer patched(Buffer bytes, std::size_t at, const Buffer& patch) {
  std::ranges::copy(patch, bytes.begin() + static_cast<std::ptrdiff_t>(at));
  return bytes;
}

Buffer message(std::uint16_t type, std::uint32_t sequence, const Buffer& payload,
               std::uint16_t flags) {
  const nlmsghdr header{.nlmsg_len = static_cast<__u32>(NLMSG_LENGTH(payload.size())),
                        .nlmsg_type = type,
                        .nlmsg_flags = flags,
                        .nlmsg_seq = sequence,
                        .nlmsg_pid = 0};
  auto whole = joined({bytesOf(header), payload});
  whole.resize(NLMSG_ALIGN(whole.size()));
  return whole;
}

Buffer done(std::uint32_t sequence, int error, std::uint16_t flags) {
  return message(NLMSG_DONE, sequence, bytesOf(error), flags);
}

Buffer refusal(std::uint32_t sequence, int error) {
  return message(NLMSG_ERROR, sequence, bytesOf(nlmsgerr{.error = error, .msg = {}}));
}

Buffer attribute(std::uint16_t type, const Buffer& payload) {
  const rtattr header{.rta_len = static_cast<unsigned short>(RTA_LENGTH(payload.size())),
                      .rta_type = type};
  auto whole = joined({bytesOf(header), payload});
  whole.resize(RTA_ALIGN(whole.size()));
  return whole;
}

}  // namespace sockdiag::test
