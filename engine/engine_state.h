#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/feed_cursors.h"
#include "engine/function_libraries.h"
#include "engine/key_hash.h"
#include "persistence/status.h"

namespace stele {

/// A hash seed in hex, as labels and RDB files for replicas have it.
std::string text_of_seed(const KeyHasher::Seed& seed);
std::optional<KeyHasher::Seed> seed_of_text(std::string_view digits);

/// What a label holds of the keyspace, beside the offset: lines of words, so that a person can read it.
///
///     seed <32 hex digits>
///     partitions <next partition>
///     db <index> <partition> <keys> <keys with an expiry>      one for each database
///     library <name> <source in hex>                           one for each function library
///     cursor <name in hex> <offset> <replid> <unix ms>         one for each cursor of the change feed
struct EngineState {
  struct Database {
    int index = 0;
    Partition partition = 0;
    std::uint64_t keys = 0;
    std::uint64_t expires = 0;  // keys with an expiry
  };

  KeyHasher::Seed seed{};
  Partition next_partition = 1;  // numbers only grow: one that was given up is never used again
  std::vector<Database> databases;
  FunctionLibraries functions;
  FeedCursors cursors;

  std::string text() const;
  /// `corrupt` if malformed or cut short.
  static Result<EngineState> parse(std::string_view text);
  /// Of all databases, ascending.
  std::vector<Partition> partitions() const;
};

}  // namespace stele
