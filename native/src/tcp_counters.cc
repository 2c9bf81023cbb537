#include "sockdiag/tcp_counters.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

#include "sockdiag/file_descriptor.h"

namespace sockdiag {

namespace {

// The file has 1,300 bytes on Linux 6.18. A longer text loses only its end; the parser checks that
// the Tcp lines are complete.
constexpr std::size_t kTextSize = 4096;

/// Removes and returns the text up to the first `end`, and removes `end`; empty if there is none.
std::optional<std::string_view> cut(std::string_view& text, char end) {
  const auto* const found = std::ranges::find(text, end);
  if (found == text.end()) return std::nullopt;
  const std::string_view before{text.begin(), found};
  text = {found + 1, text.end()};
  return before;
}

/// The next word of a line, separated by single spaces.
std::string_view nextWord(std::string_view& words) {
  if (const auto word = cut(words, ' ')) return *word;
  const auto last = words;
  words = {};
  return last;
}

std::optional<std::uint64_t> number(std::string_view digits) {
  constexpr std::uint64_t kBase = 10;
  std::uint64_t value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    const auto added = static_cast<std::uint64_t>(digit - '0');
    if (value > (UINT64_MAX - added) / kBase) return std::nullopt;
    value = value * kBase + added;
  }
  return digits.empty() ? std::nullopt : std::optional{value};
}

std::optional<TcpCounters> countersIn(std::string_view names, std::string_view values) {
  std::optional<std::uint64_t> passiveOpens;
  std::optional<std::uint64_t> received;
  std::optional<std::uint64_t> sent;
  while (!names.empty()) {
    const auto name = nextWord(names);
    const auto value = nextWord(values);
    if (name == "PassiveOpens") passiveOpens = number(value);
    if (name == "InSegs") received = number(value);
    if (name == "OutSegs") sent = number(value);
  }
  if (!passiveOpens) return std::nullopt;
  const auto segments = received && sent ? std::optional{*received + *sent} : std::nullopt;
  return TcpCounters{.passiveOpens = *passiveOpens, .segments = segments};
}

}  // namespace

std::optional<TcpCounters> tcpCountersIn(Bytes snmp) {
  constexpr std::string_view kPrefix = "Tcp: ";
  std::string_view text{reinterpret_cast<const char*>(snmp.data()), snmp.size()};
  // A line of names is followed by a line of values.
  std::string_view names;
  while (const auto line = cut(text, '\n')) {
    if (!line->starts_with(kPrefix)) continue;
    if (!names.empty()) return countersIn(names, *line);
    names = *line;
  }
  return std::nullopt;
}

Result<TcpCounters> TcpCounterFile::read() {
  if (!file_.isOpen()) {
    file_ = UniqueFd{::open(path_, O_RDONLY | O_CLOEXEC)};
    if (!file_.isOpen()) return Failure{.operation = "open", .error = errno};
  }
  const auto counters = readOpened();
  if (!counters.ok()) drop();
  return counters;
}

Result<TcpCounters> TcpCounterFile::readOpened() {
  std::array<std::byte, kTextSize> text;
  const auto size =
      retriedOnEintr([&] { return ::pread(file_.get(), text.data(), text.size(), 0); });
  if (size < 0) return Failure{.operation = "pread", .error = errno};
  const auto counters = tcpCountersIn(Bytes{text}.first(static_cast<std::size_t>(size)));
  if (!counters) return Failure{.operation = "pread", .error = EBADMSG};
  return *counters;
}

}  // namespace sockdiag
