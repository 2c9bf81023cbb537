#include "sockdiag/passive_opens.h"

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

}  // namespace

std::optional<std::uint64_t> passiveOpensIn(Bytes snmp) {
  constexpr std::string_view kPrefix = "Tcp: ";
  std::string_view text{reinterpret_cast<const char*>(snmp.data()), snmp.size()};
  // A line of names is followed by a line of values.
  std::string_view names;
  while (const auto line = cut(text, '\n')) {
    if (!line->starts_with(kPrefix)) continue;
    if (names.empty()) {
      names = *line;
      continue;
    }
    auto values = *line;
    while (!names.empty()) {
      const auto value = nextWord(values);
      if (nextWord(names) == "PassiveOpens") return number(value);
    }
    return std::nullopt;
  }
  return std::nullopt;
}

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
