#include "sockdiag/unix_message.h"

#include <linux/unix_diag.h>

#include "sockdiag/netlink_message.h"

namespace sockdiag {

static_assert(sizeof(unix_diag_msg) == 16);
static_assert(sizeof(unix_diag_rqlen) == 8);

namespace {

Status readAttribute(const Attribute& attribute, UnixMessage& message) {
  switch (attribute.type) {
    case UNIX_DIAG_NAME:
      message.name = withoutPathEnd(attribute.payload);
      return Done{};
    case UNIX_DIAG_PEER: {
      const auto inode = readAt<__u32>(attribute.payload);
      if (!inode) return malformed();
      message.peerInode = *inode;
      return Done{};
    }
    case UNIX_DIAG_ICONS:
      if (attribute.payload.size() % sizeof(__u32) != 0) return malformed();
      message.queuedPeerInodes = attribute.payload;
      return Done{};
    case UNIX_DIAG_RQLEN: {
      const auto length = readAt<unix_diag_rqlen>(attribute.payload);
      if (!length) return malformed();
      message.queueLength = length->udiag_rqueue;
      return Done{};
    }
    default:
      return Done{};
  }
}

}  // namespace

Result<UnixMessage> parseUnixMessage(Bytes payload) {
  const auto header = readAt<unix_diag_msg>(payload);
  if (!header) return malformed();
  UnixMessage message{.type = header->udiag_type,
                      .state = static_cast<SocketState>(header->udiag_state),
                      .inode = header->udiag_ino,
                      .name = {},
                      .peerInode = 0,
                      .queuedPeerInodes = {},
                      .queueLength = {}};
  for (Attributes attributes{payload.subspan(sizeof(*header))};;) {
    const auto attribute = attributes.next();
    if (!attribute.ok()) return attribute.failure();
    if (!attribute.value()) return message;
    if (auto read = readAttribute(*attribute.value(), message); !read.ok()) return read.failure();
  }
}

Bytes withoutPathEnd(Bytes name) {
  constexpr std::byte kNul{0};
  const bool isPath = !name.empty() && name.front() != kNul;
  return isPath && name.back() == kNul ? name.first(name.size() - 1) : name;
}

}  // namespace sockdiag
