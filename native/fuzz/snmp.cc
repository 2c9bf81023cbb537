#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "script.h"
#include "sockdiag/tcp_counters.h"

namespace {

/// The parts between the separators, including the one after the last.
std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t end = text.find(separator); end != std::string::npos;
       end = text.find(separator, start)) {
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  parts.push_back(text.substr(start));
  return parts;
}

std::optional<std::uint64_t> numberIn(const std::string& text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || stop != end || error != std::errc{}) return std::nullopt;
  return value;
}

/// The value of the last column of this name, by a simple implementation.
std::optional<std::uint64_t> expectedOf(const std::string& text, const std::string& name) {
  auto lines = split(text, '\n');
  lines.pop_back();
  std::erase_if(lines, [](const auto& line) { return !line.starts_with("Tcp: "); });
  // Lines of only the prefix contain no names.
  if (lines.size() < 2) return std::nullopt;
  const auto names = split(lines[0], ' ');
  const auto values = split(lines[1], ' ');
  std::optional<std::uint64_t> expected;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) expected = i < values.size() ? numberIn(values[i]) : std::nullopt;
  }
  return expected;
}

}  // namespace

// Any text gives the same result as another implementation, and an incomplete number gives none.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sockdiag;
  const std::string text{reinterpret_cast<const char*>(data), size};
  const auto found = tcpCountersIn(fuzz::bytesOf(data, size));
  const auto passiveOpens = expectedOf(text, "PassiveOpens");
  fuzz::require(found.has_value() == passiveOpens.has_value(),
                "the counter is found if it is there");
  if (!found) return 0;
  fuzz::require(found->passiveOpens == *passiveOpens, "the counter is the one in the text");
  const auto received = expectedOf(text, "InSegs");
  const auto sent = expectedOf(text, "OutSegs");
  const bool hasBoth = received && sent;
  fuzz::require(found->segments.has_value() == hasBoth,
                "both counts of segments are there or none");
  fuzz::require(!hasBoth || *found->segments == *received + *sent, "they are added");
  return 0;
}
