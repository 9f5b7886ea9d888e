#include "replication/digest_check.h"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "engine/type_ops.h"
#include "protocol/resp_integer.h"

namespace stele {

namespace {

constexpr std::string_view kWord = "stele-digest";
constexpr std::size_t kValueBytesMax = 64 * 1024;
constexpr std::size_t kLeftOutBytes = 512;  // a range ends when as many large values have been met as take so much to name
constexpr std::chrono::milliseconds kBudget{1};

struct RangeDigest {
  std::uint64_t keys = 0;
  Digest digest;

  void add(const Entry& entry) {
    std::string about(entry.key());
    about += Keyspace::digest_value(entry).view();
    if (entry.has_expire()) about += std::to_string(entry.expire_at()->ms());
    digest.xor_with(about);
    ++keys;
  }
};

bool is_large(const Entry& entry) {
  return type_ops(entry.type()).body_bytes(entry) > kValueBytesMax ||
         (entry.is_inline() && entry.inline_value().size() > kValueBytesMax);
}

std::vector<std::string_view> words_of(std::string_view text, char separator) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

/// Says whether two servers have the same seed, without saying which.
std::string sum_of_seed(const KeyHasher& hasher) {
  Digest sum;
  const auto seed = hasher.seed();
  sum.xor_with({reinterpret_cast<const char*>(seed.data()), seed.size()});
  return sum.hex().substr(0, 16);
}

}  // namespace

std::string DigestCheck::next(Keyspace& keyspace) {
  for (int looked_at = 0; looked_at <= keyspace.databases(); ++looked_at) {
    if (db_ >= keyspace.databases()) db_ = 0;
    Database& db = keyspace.db(db_);
    if (at_ >= kHashEnd || db.cold > 0 || db.table->size() == 0) {
      ++db_;
      at_ = 0;
      continue;
    }
    const Hash48 first = at_;
    RangeDigest sum;
    std::string left_out;
    const auto began = std::chrono::steady_clock::now();
    while (at_ < kHashEnd && std::chrono::steady_clock::now() - began < kBudget && left_out.size() < kLeftOutBytes) {
      at_ = db.table->visit_segment(at_, [&](Table::Slot slot, Hash48 hash) {
        if (slot.is_tombstone()) return;
        if (is_large(*slot.entry())) {
          fmt::format_to(std::back_inserter(left_out), ",{}", hash);
        } else {
          sum.add(*slot.entry());
        }
      });
    }
    ++figures_.ranges;
    figures_.keys += sum.keys;
    return fmt::format("{} {} {} {} {} {} {} {}", kWord, sum_of_seed(keyspace.hasher()), db_, first, at_, sum.keys, sum.digest.hex(),
                       left_out.empty() ? "," : left_out);
  }
  return {};
}

bool DigestCheck::compare(Keyspace& keyspace, std::string_view text) {
  if (!text.starts_with(kWord)) return false;
  const std::vector<std::string_view> words = words_of(text, ' ');
  if (words.size() != 8) return false;
  const auto db_index = parse_integer(words[2]);
  const auto first = parse_integer(words[3]);
  const auto end = parse_integer(words[4]);
  if (!db_index || !first || !end || *db_index < 0 || *db_index >= keyspace.databases() || *first < 0 || *end > static_cast<std::int64_t>(kHashEnd)) return false;
  Database& db = keyspace.db(static_cast<int>(*db_index));
  if (words[1] != sum_of_seed(keyspace.hasher()) || db.cold > 0) {
    ++figures_.passed_over;
    return true;
  }
  std::vector<Hash48> left_out;
  for (const std::string_view hash : words_of(words[7], ',')) {
    if (const auto number = parse_integer(hash)) left_out.push_back(static_cast<Hash48>(*number));
  }
  std::sort(left_out.begin(), left_out.end());
  const Hash48 before = static_cast<Hash48>(*end);
  RangeDigest sum;
  for (Hash48 at = static_cast<Hash48>(*first); at < before;) {
    at = db.table->visit_segment(at, [&](Table::Slot slot, Hash48 hash) {
      if (hash >= before || slot.is_tombstone() || std::binary_search(left_out.begin(), left_out.end(), hash)) return;
      sum.add(*slot.entry());
    });
  }
  ++figures_.ranges;
  figures_.keys += sum.keys;
  if (words[5] == std::to_string(sum.keys) && words[6] == sum.digest.hex()) return true;
  ++figures_.differ;
  figures_.last_difference = fmt::format("db{} hashes {} to {}", *db_index, *first, *end);
  spdlog::error("this replica's data differ from its primary's in database {}, keys with hashes from {} to {}: {} keys here, {} there. "
                "SCAN {} COUNT {} lists them; REPLICAOF with FORCE after REPLICAOF NO ONE makes a full sync",
                *db_index, *first, *end, sum.keys, words[5], *first, sum.keys);
  return true;
}

}  // namespace stele
