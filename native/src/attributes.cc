#include "sockdiag/attributes.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>

namespace sockdiag {

static_assert(sizeof(rtattr) == 4 && RTA_LENGTH(0) == sizeof(rtattr));

Result<std::optional<Attribute>> Attributes::next() {
  if (rest_.empty()) return std::optional<Attribute>{};
  const auto header = readAt<rtattr>(rest_);
  // RTA_OK: (len) >= (int)sizeof(struct rtattr) &&
  //         (rta)->rta_len >= sizeof(struct rtattr) && (rta)->rta_len <= (len)
  if (!header || header->rta_len < sizeof(rtattr) || header->rta_len > rest_.size()) {
    return malformed();
  }
  const auto payload = rest_.first(header->rta_len).subspan(sizeof(rtattr));
  rest_ = rest_.subspan(std::min<std::size_t>(RTA_ALIGN(header->rta_len), rest_.size()));
  return std::optional{Attribute{
      .type = static_cast<std::uint16_t>(header->rta_type & NLA_TYPE_MASK), .payload = payload}};
}

}  // namespace sockdiag
