#include "sockdiag/list.h"

#include <doctest/doctest.h>

#include <memory>
#include <utility>

namespace sockdiag::test {

namespace {

using Shared = std::shared_ptr<int>;

List<Shared> listOf(const Shared& item, int count) {
  List<Shared> list;
  for (int i = 0; i < count; ++i) REQUIRE(list.append(item).ok());
  return list;
}

}  // namespace

TEST_CASE("a growing list keeps its items in order") {
  List<int> list;
  CHECK(list.empty());
  for (int i = 0; i < 1000; ++i) REQUIRE(list.append(i).ok());
  REQUIRE(list.size() == 1000);
  for (std::size_t i = 0; i < list.size(); ++i) CHECK(list[i] == static_cast<int>(i));
}

TEST_CASE("a list destroys items that are removed or replaced, and the rest with itself") {
  const auto item = std::make_shared<int>(7);
  {
    auto list = listOf(item, 20);
    CHECK(item.use_count() == 21);
    list.shrinkTo(30);
    CHECK(list.size() == 20);
    list.shrinkTo(5);
    CHECK(item.use_count() == 6);
    auto other = listOf(item, 3);
    other = std::move(list);
    CHECK(item.use_count() == 6);
    CHECK(other == listOf(item, 5));
    CHECK_FALSE(other == listOf(item, 4));
  }
  CHECK(item.use_count() == 1);
}

}  // namespace sockdiag::test
