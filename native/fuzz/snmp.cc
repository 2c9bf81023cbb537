#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "script.h"
#include "sockdiag/passive_opens.h"

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

/// The expected result, by a simple implementation.
std::optional<std::uint64_t> expectedOf(const std::string& text) {
  auto lines = split(text, '\n');
  lines.pop_back();
  std::erase_if(lines, [](const auto& line) { return !line.starts_with("Tcp: "); });
  // Lines of only the prefix contain no names.
  if (lines.size() < 2) return std::nullopt;
  const auto names = split(lines[0], ' ');
  const auto values = split(lines[1], ' ');
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != "PassiveOpens") continue;
    if (i >= values.size() || values[i].empty()) return std::nullopt;
    std::uint64_t value = 0;
    const char* const end = values[i].data() + values[i].size();
    const auto [stop, error] = std::from_chars(values[i].data(), end, value);
    if (stop != end || error != std::errc{}) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

}  // namespace

// Any text gives the same result as another implementation, and an incomplete number gives none.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sockdiag;
  const std::string text{reinterpret_cast<const char*>(data), size};
  const auto found = passiveOpensIn(fuzz::bytesOf(data, size));
  fuzz::require(found == expectedOf(text), "the counter is the one in the text");
  return 0;
}
