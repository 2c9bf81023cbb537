#include "sockdiag/attributes.h"

#include <doctest/doctest.h>
#include <linux/netlink.h>

#include <array>

#include "support.h"

namespace sockdiag::test {

TEST_CASE("attributes come one by one, without their padding") {
  const auto bytes = joined({attribute(8, hex("aa")), attribute(2, hex("01 02 03 04"))});
  Attributes attributes{bytes};
  const auto one = attributes.next();
  CHECK(one.value()->type == 8);
  CHECK(one.value()->payload.size() == 1);
  const auto two = attributes.next();
  CHECK(two.value()->type == 2);
  CHECK(two.value()->payload.size() == 4);
  CHECK_FALSE(attributes.next().value().has_value());
}

TEST_CASE("the flags in an attribute's type are not part of it") {
  CHECK(Attributes{attribute(2 | NLA_F_NESTED, {})}.next().value()->type == 2);
}

TEST_CASE("the last attribute may lack its padding") {
  const auto bytes = hex("05 00 08 00 aa");
  Attributes attributes{bytes};
  CHECK(attributes.next().ok());
  CHECK_FALSE(attributes.next().value().has_value());
}

TEST_CASE("an attribute that is cut anywhere is a failure") {
  const auto whole = attribute(2, hex("01 02 03 04"));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    const auto next = Attributes{prefix(whole, size)}.next();
    REQUIRE_FALSE(next.ok());
    CHECK(next.failure().error == EBADMSG);
  }
}

TEST_CASE("an attribute's length that lies is a failure") {
  const auto whole = attribute(2, hex("01 02 03 04"));
  for (const auto length : std::to_array<std::uint16_t>({0, 1, 3, 9, 0xffff})) {
    CAPTURE(length);
    CHECK_FALSE(Attributes{patched(whole, 0, bytesOf(length))}.next().ok());
  }
}

}  // namespace sockdiag::test
