#include "sockdiag/passive_opens.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "kernel_sockets.h"

namespace sockdiag::test {

namespace {

struct TemporaryFile {
  TemporaryFile() { ::close(::mkstemp(path.data())); }
  ~TemporaryFile() { std::filesystem::remove(path); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  /// In place, as /proc does.
  void write(const std::string& text) const { std::ofstream{path} << text; }
  void writeCount(int count) const {
    write("Tcp: PassiveOpens\nTcp: " + std::to_string(count) + "\n");
  }

  std::string path = (std::filesystem::temp_directory_path() / "snmp-XXXXXX").string();
};

}  // namespace

TEST_CASE("the file is read anew each time, and stays open") {
  const TemporaryFile file;
  file.writeCount(5);
  PassiveOpens counter{file.path.c_str()};
  CHECK(counter.read().value() == 5);
  file.writeCount(6);
  std::filesystem::remove(file.path);
  CHECK(counter.read().value() == 6);
  counter.drop();
  CHECK(counter.read().failure().error == ENOENT);
}

TEST_CASE("a file that can't be opened, or makes no sense, is a failure until it is there") {
  const TemporaryFile file;
  PassiveOpens counter{file.path.c_str()};
  CHECK(counter.read().failure().error == EBADMSG);
  std::filesystem::remove(file.path);
  const auto missing = counter.read();
  CHECK(missing.failure().operation == doctest::String{"open"});
  CHECK(missing.failure().error == ENOENT);
  file.writeCount(7);
  CHECK(counter.read().value() == 7);
}

TEST_CASE("the kernel counts a connection that a listener takes, and not the one that it is from") {
  PassiveOpens counter{kThreadNetSnmp};
  const UniqueFd listener = listenOnLoopback();
  const auto before = counter.read();
  REQUIRE(before.ok());
  const UniqueFd client = connectTo(localPort(listener));
  CHECK(counter.read().value() == before.value() + 1);
}

}  // namespace sockdiag::test
