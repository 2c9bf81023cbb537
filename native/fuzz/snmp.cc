#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "script.h"
#include "sockdiag/passive_opens.h"

namespace {

/// The parts between the separators; what follows the last one is a part, too.
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

/// What the text says, read in the plainest way.
std::optional<std::uint64_t> expectedOf(const std::string& text) {
  auto lines = split(text, '\n');
  lines.pop_back();
  std::erase_if(lines, [](const auto& line) { return !line.starts_with("Tcp: "); });
  // A line with nothing but the prefix's five characters has no names.
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

// Any text is read as another program would read it, and a number that is not whole is none.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sockdiag;
  const std::string text{reinterpret_cast<const char*>(data), size};
  const auto found = passiveOpensIn(fuzz::bytesOf(data, size));
  fuzz::require(found == expectedOf(text), "the counter is what stands in the text");
  return 0;
}
