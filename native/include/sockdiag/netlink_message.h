#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"
#include "sockdiag/result.h"

namespace sockdiag {

/// One message of a reply.
struct Reply {
  enum class Kind : std::uint8_t { kSocket, kEnd, kNothing };

  Kind kind;
  /// NLM_F_DUMP_INTR: the table changed during the dump, so entries may be missing.
  bool interrupted;
  /// For kSocket: what follows the message header.
  Bytes payload;
};

/// Iterates over the netlink messages of one datagram. Makes no system call.
class Replies {
 public:
  Replies(Bytes datagram, std::uint32_t sequence) : rest_(datagram), sequence_(sequence) {}

  /// The next message with our sequence number, or nothing at the end of the datagram. Fails with
  /// the errno that the message carries ("NLMSG_ERROR", "NLMSG_DONE"), or with EBADMSG if a length
  /// is inconsistent or the type is unknown.
  Result<std::optional<Reply>> next();

 private:
  Bytes rest_;
  std::uint32_t sequence_;
};

struct Attribute {
  std::uint16_t type;
  Bytes payload;
};

/// Iterates over the attributes (struct rtattr) that follow the fixed part of a message.
class Attributes {
 public:
  explicit Attributes(Bytes bytes) : rest_(bytes) {}

  /// The next attribute, or nothing at the end; EBADMSG if a length is inconsistent.
  Result<std::optional<Attribute>> next();

 private:
  Bytes rest_;
};

}  // namespace sockdiag
