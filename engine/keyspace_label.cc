#include <charconv>
#include <sstream>

#include "engine/keyspace.h"

namespace stele {

// What the label holds of the keyspace: lines of words, so that a person can read it.
//
//     seed <32 hex digits>
//     partitions <next partition>
//     db <index> <partition> <keys> <keys with an expiry>      one for each database
//     library <name> <source in hex>                           one for each function library

std::string Keyspace::engine_state() const {
  std::string out = "seed ";
  for (const unsigned char byte : hasher_.seed()) fmt::format_to(std::back_inserter(out), "{:02x}", byte);
  fmt::format_to(std::back_inserter(out), "\npartitions {}\n", next_partition_);
  for (const auto& db : dbs_) {
    fmt::format_to(std::back_inserter(out), "db {} {} {} {}\n", db->index, db->partition, db->size(), db->expires_size());
  }
  return out + functions_.label_lines();
}

Result<KeyHasher::Seed> Keyspace::seed_of(std::string_view engine_state) {
  KeyHasher::Seed seed;
  static constexpr std::string_view kWord = "seed ";
  if (!engine_state.starts_with(kWord) || engine_state.size() < kWord.size() + 2 * seed.size()) {
    return Status::corrupt("checkpoint label: no hash seed in the engine state");
  }
  for (std::size_t i = 0; i < seed.size(); ++i) {
    const char* digits = engine_state.data() + kWord.size() + 2 * i;
    const auto [end, error] = std::from_chars(digits, digits + 2, seed[i], 16);
    if (error != std::errc() || end != digits + 2) return Status::corrupt("checkpoint label: malformed hash seed");
  }
  return seed;
}

Status Keyspace::restore(std::string_view engine_state) {
  std::istringstream lines{std::string(engine_state)};
  std::string word, ignored;
  // A number at the very end would hide that digits of it are missing.
  if (!engine_state.ends_with('\n')) return Status::corrupt("checkpoint label: the engine state is cut short");
  while (lines >> word) {
    if (word == "seed") {
      lines >> ignored;
    } else if (word == "partitions") {
      lines >> next_partition_;
    } else if (word == "db") {
      std::size_t index = 0, keys = 0, expires = 0;
      Partition partition = 0;
      lines >> index >> partition >> keys >> expires;
      if (!lines) return Status::corrupt("checkpoint label: malformed database in the engine state");
      if (index >= dbs_.size()) {
        if (keys == 0) continue;
        return Status::invalid("the data directory has {} keys in database {}, but 'databases' is {}: raise it", keys, index,
                               dbs_.size());
      }
      Database& db = *dbs_[index];
      db.partition = partition;
      db.cold = keys;
      db.cold_expires = expires;
    } else if (word == "library") {
      std::string name, code;
      lines >> name >> code;
      if (!lines) return Status::corrupt("checkpoint label: malformed library in the engine state");
      STELE_CHECK(functions_.restore(name, code));
    } else {
      return Status::corrupt("checkpoint label: unknown word '{}' in the engine state", word);
    }
    if (!lines) return Status::corrupt("checkpoint label: malformed engine state");
  }
  // Databases that the label does not know, because 'databases' was raised, need numbers that nobody had.
  for (const auto& db : dbs_) {
    const bool known = std::string_view(engine_state).find(fmt::format("\ndb {} ", db->index)) != std::string_view::npos;
    if (!known) db->partition = next_partition_++;
  }
  return Status();
}

Result<std::vector<Partition>> Keyspace::partitions_of(std::string_view engine_state) {
  std::vector<Partition> out;
  std::istringstream lines{std::string(engine_state)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    std::size_t index = 0;
    Partition partition = 0;
    if (!(words >> word) || word != "db") continue;
    if (!(words >> index >> partition)) return Status::corrupt("checkpoint label: malformed line '{}'", line);
    out.push_back(partition);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace stele
