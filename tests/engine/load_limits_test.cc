// Values that are loaded take the encoding that the limits of the moment ask for, whatever they were stored as.
#include "engine/stored_value.h"
#include "persistence/rdb/rdb_writer.h"
#include "persistence/rdb_primitives.h"
#include "tests/engine/engine_fixture.h"

namespace stele::test {
namespace {

class LoadLimits : public EngineTest {
 protected:
  LoadLimits() {
    for (const auto& rows : {set_commands(), zset_commands(), hash_commands(), generic_commands()}) registry().add(rows);
  }

  /// The encoding after RESTORE of a payload of `type`.
  std::string restored(std::uint8_t type, std::string_view value) {
    const std::string payload = make_dump_payload(type, value, kRdbVersionDefault);
    EXPECT_EQ(run("RESTORE", "k", "0", payload, "REPLACE"), "+OK");
    return encoding("k");
  }

  /// `elements` texts "<i>:<text>", each with what `behind` appends.
  template <typename Behind>
  static std::string collection(int elements, std::string_view text, const Behind& behind) {
    std::string out;
    append_rdb_length(out, static_cast<std::uint64_t>(elements));
    for (int i = 0; i < elements; ++i) {
      append_rdb_string(out, fmt::format("{}:{}", i, text));
      behind(out);
    }
    return out;
  }
  static std::string set(int members, std::string_view text = "m") {
    return collection(members, text, [](std::string&) {});
  }
  static std::string hash(int fields, std::string_view value = "v") {
    return collection(fields, "f", [value](std::string& out) { append_rdb_string(out, value); });
  }
  static std::string zset(int members, std::string_view text = "m") {
    return collection(members, text, [](std::string& out) {
      const double score = 1.5;
      out.append(reinterpret_cast<const char*>(&score), sizeof score);
    });
  }
};

const std::string kLong(65, 'x');

TEST_F(LoadLimits, WhatWasLargeAndIsSmallBecomesAListpack) {
  EXPECT_EQ(restored(5, zset(1)), "listpack");
  EXPECT_EQ(restored(5, zset(128)), "listpack");
  EXPECT_EQ(restored(5, zset(129)), "skiplist");
  EXPECT_EQ(restored(5, zset(3, kLong)), "skiplist");
  EXPECT_EQ(restored(4, hash(512)), "listpack");
  EXPECT_EQ(restored(4, hash(513)), "hashtable");
  EXPECT_EQ(restored(4, hash(3, kLong)), "hashtable");
  EXPECT_EQ(restored(2, set(128)), "listpack");
  EXPECT_EQ(restored(2, set(129)), "hashtable");
  EXPECT_EQ(restored(2, set(3, kLong)), "hashtable");
}

TEST_F(LoadLimits, TheConfiguredLimitsCount) {
  CollectionLimits& limits = keyspace().limits();
  limits.zset_max_listpack_entries = limits.hash_max_listpack_entries = limits.set_max_listpack_entries = 1000;
  limits.zset_max_listpack_value = limits.hash_max_listpack_value = limits.set_max_listpack_value = 100;
  EXPECT_EQ(restored(5, zset(1000, kLong)), "listpack");
  EXPECT_EQ(run("ZRANGE", "k", "0", "0", "WITHSCORES"), fmt::format("*2 $67 0:{} $3 1.5", kLong));
  EXPECT_EQ(restored(4, hash(1000, kLong)), "listpack");
  EXPECT_EQ(run("HGET", "k", "999:f"), "$65 " + kLong);
  EXPECT_EQ(restored(2, set(1000, kLong)), "listpack");
  EXPECT_EQ(run("SISMEMBER", "k", "999:" + kLong), ":1");
  limits.zset_max_listpack_entries = limits.hash_max_listpack_entries = limits.set_max_listpack_entries = 2;
  EXPECT_EQ(restored(5, zset(3)), "skiplist");
  EXPECT_EQ(restored(4, hash(3)), "hashtable");
  EXPECT_EQ(restored(2, set(3)), "hashtable");
  EXPECT_EQ(run("SCARD", "k"), ":3");
}

TEST_F(LoadLimits, WhatIsPackedAndTooLargeIsUnpacked) {
  CollectionLimits& limits = keyspace().limits();
  run("ZADD", "z", "1", "a", "2", "b", "3", "c");
  run("HSET", "h", "a", "1", "b", "2", "c", "3");
  run("SADD", "i", "1", "2", "3");
  std::vector<std::pair<std::uint8_t, std::string>> values;
  for (const char* const key : {"z", "h", "i"}) {
    std::string bytes;
    const Item item = keyspace().find(db(), key);
    const std::uint8_t type = type_ops(item.entry->type()).append_rdb(*item.entry, bytes);
    values.emplace_back(type, bytes);
  }
  EXPECT_EQ(restored(values[0].first, values[0].second), "listpack");
  EXPECT_EQ(restored(values[1].first, values[1].second), "listpack");
  EXPECT_EQ(restored(values[2].first, values[2].second), "intset");
  limits.zset_max_listpack_entries = limits.hash_max_listpack_entries = limits.set_max_intset_entries = 2;
  EXPECT_EQ(restored(values[0].first, values[0].second), "skiplist");
  EXPECT_EQ(restored(values[1].first, values[1].second), "hashtable");
  EXPECT_EQ(restored(values[2].first, values[2].second), "hashtable");
  EXPECT_EQ(run("SMISMEMBER", "k", "1", "3", "4"), "*3 :1 :1 :0");
}

TEST_F(LoadLimits, ColdValuesAreLoadedByThemToo) {
  std::string row;
  append_stored_header(5, 0, std::nullopt, row);
  row += zset(3);
  CollectionLimits limits;
  for (const auto& [most, name] : {std::pair(3, "listpack"), std::pair(2, "skiplist")}) {
    limits.zset_max_listpack_entries = most;
    const Result<Entry*> entry = entry_from_stored("k", row, limits);
    ASSERT_TRUE(entry.ok());
    EXPECT_EQ(encoding_name((*entry)->encoding()), name);
    EXPECT_TRUE((*entry)->is_stored());
    Entry::destroy(*entry);
  }
}

}  // namespace
}  // namespace stele::test
