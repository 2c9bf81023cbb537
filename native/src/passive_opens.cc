#include "sockdiag/passive_opens.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "sockdiag/retried.h"
#include "sockdiag/snmp.h"

namespace sockdiag {

namespace {

// 1,300 bytes on Linux 6.18. A text that does not fit has lost its end, not its Tcp lines' place:
// whether they are whole is seen when they are read.
constexpr std::size_t kTextSize = 4096;

}  // namespace

Result<std::uint64_t> PassiveOpens::read() {
  if (!file_.isOpen()) {
    file_ = UniqueFd{::open(path_, O_RDONLY | O_CLOEXEC)};
    if (!file_.isOpen()) return Failure{.operation = "open", .error = errno};
  }
  const auto count = readOpened();
  if (!count.ok()) drop();
  return count;
}

Result<std::uint64_t> PassiveOpens::readOpened() {
  std::array<std::byte, kTextSize> text;
  const auto size =
      retriedOnEintr([&] { return ::pread(file_.get(), text.data(), text.size(), 0); });
  if (size < 0) return Failure{.operation = "pread", .error = errno};
  const auto count = passiveOpensIn(Bytes{text}.first(static_cast<std::size_t>(size)));
  if (!count) return Failure{.operation = "pread", .error = EBADMSG};
  return *count;
}

}  // namespace sockdiag
