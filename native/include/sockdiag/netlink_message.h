#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"
#include "sockdiag/result.h"

namespace sockdiag {

/// What one message means to the question that it answers.
struct Reply {
  enum class Kind : std::uint8_t { kSocket, kEnd, kNothing };

  Kind kind;
  /// NLM_F_DUMP_INTR: the table changed under the dump, so that entries may be missing from it.
  bool interrupted;
  /// Of kSocket: what follows the message's header.
  Bytes payload;
};

/// Walks one datagram of netlink messages. Makes no system call: the socket's loop, the tests and
/// the fuzzer feed it alike.
class Replies {
 public:
  Replies(Bytes datagram, std::uint32_t sequence) : rest_(datagram), sequence_(sequence) {}

  /// The next message with our sequence number, or nothing at the datagram's end. Fails with the
  /// kernel's errno if that is what the message brings ("NLMSG_ERROR", "NLMSG_DONE"), and with
  /// EBADMSG if a length lies or the type is unknown.
  Result<std::optional<Reply>> next();

 private:
  Bytes rest_;
  std::uint32_t sequence_;
};

struct Attribute {
  std::uint16_t type;
  Bytes payload;
};

/// Walks the attributes (struct rtattr) that follow a message's fixed part.
class Attributes {
 public:
  explicit Attributes(Bytes bytes) : rest_(bytes) {}

  /// The next attribute, or nothing at the end; EBADMSG if a length lies.
  Result<std::optional<Attribute>> next();

 private:
  Bytes rest_;
};

}  // namespace sockdiag
