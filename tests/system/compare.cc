#include "tests/system/compare.h"

#include <algorithm>
#include <cstdlib>

namespace stele::test {
namespace {

constexpr std::int64_t kToleranceSeconds = 2;
constexpr std::int64_t kToleranceMillis = 2000;

bool same_shape(const Reply& left, const Reply& right) {
  return left.type == right.type && left.null == right.null &&
         std::ranges::equal(left.elements, right.elements, same_shape);
}

bool near(const Reply& left, const Reply& right, std::int64_t tolerance) {
  if (left.type != ':' || right.type != ':') return left == right;
  const std::int64_t a = left.integer();
  const std::int64_t b = right.integer();
  if (a < 0 || b < 0) return a == b;
  return std::abs(a - b) <= tolerance;
}

// The elements in runs of `run`, sorted, as text.
std::vector<std::string> sorted_runs(const Reply& reply, std::size_t run) {
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < reply.elements.size(); i += run) {
    std::string text;
    for (std::size_t j = i; j < std::min(i + run, reply.elements.size()); ++j) {
      const Reply& element = reply.elements[j];
      text += element.is_aggregate() ? describe(element)
                                     : element.type + std::to_string(element.text.size()) + ":" + element.text;
    }
    runs.push_back(std::move(text));
  }
  std::ranges::sort(runs);
  return runs;
}

bool same_unordered(const Reply& left, const Reply& right, std::size_t run) {
  return left.type == right.type && left.null == right.null && sorted_runs(left, run) == sorted_runs(right, run);
}

bool same_encoding(const Reply& left, const Reply& right, bool restarted) {
  // Redis' own restart does the same: a number that INCRBYFLOAT or APPEND left as text comes back as an int.
  const auto is_string = [](const Reply& reply) {
    return reply.text == "raw" || reply.text == "embstr" || reply.text == "int";
  };
  // 7.2 packs small sets that 7.0 holds in a table.
  const auto is_small_or_table = [](const Reply& reply) { return reply.text == "listpack" || reply.text == "hashtable"; };
  if (left.type == right.type && is_small_or_table(left) && is_small_or_table(right)) return true;
  return left == right || (restarted && left.type == right.type && is_string(left) && is_string(right));
}

}  // namespace

bool same(const Reply& left, const Reply& right, Compare compare, bool restarted) {
  if (left.is_error() || right.is_error()) return left == right;
  switch (compare) {
    case Compare::exact:
      return left == right;
    case Compare::as_set:
      return same_unordered(left, right, 1);
    case Compare::as_pairs:
      return same_unordered(left, right, 2);
    case Compare::near_seconds:
      return near(left, right, kToleranceSeconds);
    case Compare::near_millis:
      return near(left, right, kToleranceMillis);
    case Compare::shape:
      return same_shape(left, right);
    case Compare::encoding:
      return same_encoding(left, right, restarted);
    case Compare::scan:  // one page of an iteration: cursors and page sizes are each server's own
      return left.type == right.type && left.elements.size() == right.elements.size();
  }
  return false;
}

}  // namespace stele::test
