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

/// Whether a search found what other groups have put there, perhaps by way of RENAME: their scores are places so close together that
/// many are at one distance, which come in any order, and COUNT cuts anywhere between them.
bool has_stranger(const Reply& found) {
  return std::ranges::any_of(found.elements, [](const Reply& element) {
    const Reply& member = element.elements.empty() ? element : element.elements[0];
    return !member.text.starts_with("place");
  });
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
  // From 7.2 on small lists and small sets are listpacks, which 7.0 holds as a quicklist or a table.
  if (left.type == right.type && left.text == "listpack" && (right.text == "quicklist" || right.text == "hashtable")) return true;
  // SORT makes a skiplist of a small sorted set in Redis, though it only reads it.
  if (left.type == right.type && left.text == "listpack" && right.text == "skiplist") return true;
  // What has shrunk and is loaded again is packed, here as there.
  if (restarted && left.type == right.type && (left.text == "listpack" || left.text == "intset")) return true;
  return left == right || (restarted && left.type == right.type && is_string(left) && is_string(right));
}

// [[id, consumer, idle, deliveries], ...], or the summary, whose third element is an id.
bool same_pending(const Reply& left, const Reply& right) {
  if (left.elements.size() != right.elements.size()) return false;
  for (std::size_t i = 0; i < left.elements.size(); ++i) {
    Reply a = left.elements[i], b = right.elements[i];
    if (a.elements.size() == 4 && b.elements.size() == 4) {
      if (!near(a.elements[2], b.elements[2], kToleranceMillis)) return false;
      a.elements[2] = b.elements[2];
    }
    if (!(a == b)) return false;
  }
  return left.type == right.type && left.null == right.null;
}

// A reply of XINFO, or a part of one, as far as both versions and every clock agree about it.
Reply comparable(const Reply& reply) {
  Reply out = reply;
  out.elements.clear();
  for (std::size_t i = 0; i < reply.elements.size(); ++i) {
    const Reply& element = reply.elements[i];
    const bool more = i + 1 < reply.elements.size();
    if (more && (element == "seen-time" || element == "active-time" || element == "idle" || element == "inactive" ||
                 (element == "consumers" && reply.elements[i + 1].type == ':'))) {
      ++i;
      continue;
    }
    if (more && element == "pending" && reply.elements[i + 1].type == '*') {
      // [id, consumer, time, deliveries] or [id, time, deliveries]
      Reply pending = reply.elements[++i];
      for (Reply& entry : pending.elements) {
        if (entry.elements.size() >= 3) entry.elements.erase(entry.elements.end() - 2);
      }
      out.elements.push_back(element);
      out.elements.push_back(pending);
      continue;
    }
    Reply part = comparable(element);
    const auto is_number = [&part](std::size_t at, std::string_view name) {
      return part.elements.size() > at + 1 && part.elements[at] == name && part.elements[at + 1] == "0";
    };
    const bool is_consumer = part.elements.size() >= 4 && part.elements[0] == "name";
    const bool has_nothing = (part.elements.size() == 4 && is_number(2, "pending")) || is_number(2, "pel-count");
    if (is_consumer && has_nothing) continue;
    out.elements.push_back(std::move(part));
  }
  return out;
}

}  // namespace

bool same(const Reply& left, const Reply& right, Compare compare, bool restarted) {
  // 7.2 says it in other words.
  if (left.text.starts_with("ERR Unbalanced ") && right.text.starts_with("ERR Unbalanced ")) return true;
  if (compare == Compare::args_first && left.is_error() && right.type == ':') return right.integer() <= 0;
  if (compare == Compare::args_first && left.is_error() && right.text.starts_with("WRONGTYPE")) return true;
  if (left.is_error() || right.is_error()) return left == right;
  switch (compare) {
    case Compare::exact:
    case Compare::args_first:
      return left == right;
    case Compare::places:
      return left == right || (has_stranger(right) && same_shape(left, right));
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
    case Compare::pending:
      return same_pending(left, right);
    case Compare::stream_info:
      return comparable(left) == comparable(right);
  }
  return false;
}

}  // namespace stele::test
