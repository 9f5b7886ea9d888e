#include "engine/engine_state.h"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace stele {

namespace {

Status malformed(std::string_view what) { return Status::corrupt("checkpoint label: {} in the engine state", what); }

}  // namespace

std::string text_of_seed(const KeyHasher::Seed& seed) {
  std::string out;
  for (const unsigned char byte : seed) fmt::format_to(std::back_inserter(out), "{:02x}", byte);
  return out;
}

std::optional<KeyHasher::Seed> seed_of_text(std::string_view digits) {
  KeyHasher::Seed seed{};
  if (digits.size() != 2 * seed.size()) return std::nullopt;
  for (std::size_t i = 0; i < seed.size(); ++i) {
    const char* at = digits.data() + 2 * i;
    const auto [end, error] = std::from_chars(at, at + 2, seed[i], 16);
    if (error != std::errc() || end != at + 2) return std::nullopt;
  }
  return seed;
}

std::string EngineState::text() const {
  std::string out = "seed " + text_of_seed(seed);
  fmt::format_to(std::back_inserter(out), "\npartitions {}\n", next_partition);
  for (const Database& db : databases) {
    fmt::format_to(std::back_inserter(out), "db {} {} {} {}\n", db.index, db.partition, db.keys, db.expires);
  }
  return out + functions.label_lines() + cursors.label_lines();
}

Result<EngineState> EngineState::parse(std::string_view text) {
  // A number at the very end would hide that digits of it are missing.
  if (!text.ends_with('\n')) return malformed("a line that is cut short");
  EngineState state;
  bool seeded = false;
  std::istringstream lines{std::string(text)};
  for (std::string word; lines >> word;) {
    if (word == "seed") {
      std::string digits;
      lines >> digits;
      const auto seed = seed_of_text(digits);
      if (!seed) return malformed("malformed hash seed");
      state.seed = *seed;
      seeded = true;
    } else if (word == "partitions") {
      lines >> state.next_partition;
    } else if (word == "db") {
      Database db;
      lines >> db.index >> db.partition >> db.keys >> db.expires;
      if (db.index < 0) return malformed("malformed database");
      state.databases.push_back(db);
    } else if (word == "library") {
      std::string name, code;
      lines >> name >> code;
      if (!lines) return malformed("malformed library");
      STELE_CHECK(state.functions.restore(name, code));
    } else if (word == "cursor") {
      std::string rest;
      std::getline(lines, rest);
      if (!state.cursors.take("stele-cursor" + rest)) return malformed("malformed cursor");
    } else {
      return Status::corrupt("checkpoint label: unknown word '{}' in the engine state", word);
    }
    if (!lines) return malformed("malformed line");
  }
  if (!seeded) return malformed("no hash seed");
  return state;
}

std::vector<Partition> EngineState::partitions() const {
  std::vector<Partition> out;
  for (const Database& db : databases) out.push_back(db.partition);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace stele
