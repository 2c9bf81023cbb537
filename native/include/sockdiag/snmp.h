#pragma once

#include <cstdint>
#include <optional>

#include "sockdiag/bytes.h"

namespace sockdiag {

/// `Tcp: PassiveOpens` of /proc/net/snmp (proc(5), RFC 1213's tcpPassiveOpens), found by its name.
/// Nothing where the text does not have it whole.
std::optional<std::uint64_t> passiveOpensIn(Bytes snmp);

}  // namespace sockdiag
