#pragma once

#include "tests/engine/engine_fixture.h"

namespace stele::fuzz {

/// The engine with all data types, for targets: commands in, replies out.
class Engine : public test::EngineTest {
 public:
  Engine() {
    for (const auto& rows : {string_commands(), list_commands(), set_commands(), zset_commands(), hash_commands(),
                             stream_commands(), bitmap_commands(), hyperloglog_commands(), geo_commands(), generic_commands()}) {
      registry().add(rows);
    }
  }
  void TestBody() override {}

  using EngineTest::db;
  using EngineTest::keyspace;
  using EngineTest::run;
  using EngineTest::run_list;

  /// The value of a live key as it is stored: the type byte, and what follows.
  std::string stored(std::string_view key) {
    const Item item = keyspace().find(db(), key);
    STELE_ASSERT(item);
    std::string bytes(1, '\0');
    bytes[0] = static_cast<char>(type_ops(item.entry->type()).append_rdb(*item.entry, bytes));
    return bytes;
  }

  /// Small values of every type and encoding, by name.
  std::vector<std::string> make_samples() {
    const std::string text(80, 't');
    run("SET", "string", text);
    run("SET", "integer", "-12345");
    run("PFADD", "hll", "a", "b", "c");
    run("RPUSH", "list", "a", "1", "-70000", text);
    keyspace().limits().list_max_listpack_size = 2;
    for (const char* const element : {"a", "b", "3", "d", "e"}) run("RPUSH", "list-nodes", element);
    run("SADD", "set-int", "1", "2", "-300", "70000");
    run("SADD", "set", "a", "b", "7");
    run("HSET", "hash", "f", "v", "number", "17");
    run("ZADD", "zset", "1", "a", "2.5", "b", "-inf", "c");
    keyspace().limits().hash_max_listpack_entries = keyspace().limits().zset_max_listpack_entries = 0;
    keyspace().limits().set_max_listpack_entries = keyspace().limits().set_max_intset_entries = 0;
    run("HSET", "hash-table", "f", "v", "g", "17", "h", "");
    run("SADD", "set-table", "a", "b", "9");
    run("ZADD", "zset-skiplist", "1", "a", "1", "b", "2.5", "c");
    keyspace().limits() = CollectionLimits();
    keyspace().limits().stream_node_max_entries = 2;
    for (const char* const id : {"1-1", "2-0", "2-5", "7-0"}) run("XADD", "stream", id, "f", id, "g", "v");
    run("XDEL", "stream", "2-0");
    run("XGROUP", "CREATE", "stream", "group", "0");
    run("XREADGROUP", "GROUP", "group", "alice", "COUNT", "2", "STREAMS", "stream", ">");
    run("XGROUP", "CREATECONSUMER", "stream", "group", "bob");
    run("XGROUP", "CREATE", "stream", "late", "$");
    keyspace().limits() = CollectionLimits();
    return {"string", "integer", "hll", "list", "list-nodes", "set-int", "set", "hash", "zset",
            "hash-table", "set-table", "zset-skiplist", "stream"};
  }
};

/// Values in the forms of earlier versions, by hand: type byte, and what follows.
inline std::vector<std::pair<std::string, std::string>> legacy_samples() {
  const auto bytes = [](std::initializer_list<int> list) {
    std::string out;
    for (const int byte : list) out += static_cast<char>(byte);
    return out;
  };
  const std::string ziplist = bytes({0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 'a', 3, 0xfe, 7, 0xff});
  std::string list = ziplist;
  list[0] = static_cast<char>(list.size());
  list[4] = 13;  // where the last entry begins
  return {
      {"list-1", bytes({1, 2, 1, 'a', 2, 'b', 'c'})},
      {"zset-text-3", bytes({3, 2, 1, 'a', 3, '1', '.', '5', 1, 'b', 254})},
      {"zipmap-9", bytes({9, 10, 1, 1, 'f', 1, 0, 'v', 0xff, 0, 0, 0})},
      {"list-ziplist-10", bytes({10, 17}) + list},
      {"zset-ziplist-12", bytes({12, 17}) + list},
      {"hash-ziplist-13", bytes({13, 17}) + list},
      {"quicklist-14", bytes({14, 1, 17}) + list},
      {"string-lzf", bytes({0, 0xc3, 5, 20, 0, 'a', 0xe0, 9, 0})},
  };
}

}  // namespace stele::fuzz
