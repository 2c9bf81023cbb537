#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"
#include "sockdiag/result.h"

namespace sockdiag {

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
