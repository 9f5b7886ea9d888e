// RESTORE of anything: refused, or a value that all commands can work on; and the keyspace is intact afterwards.
//
// The input is a payload without its footer, which is put behind it: a checksum would refuse all but one in 2^64.

#include "persistence/rdb/crc64.h"
#include "persistence/rdb/rdb_writer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_engine.h"

namespace {

using namespace stele;

std::string with_footer(std::string_view bytes) {
  std::string payload = std::string(bytes) + '\x0a' + '\0';  // the version, in two bytes
  const std::uint64_t crc = crc64(0, payload);
  for (int shift = 0; shift < 64; shift += 8) payload += static_cast<char>(crc >> shift);
  return payload;
}

/// Whatever reads or changes a value of each type, in an order that leaves little out.
void use(fuzz::Engine& engine, std::string_view key) {
  const std::string type = engine.run("TYPE", key);
  const auto run = [&](const auto&... args) { engine.run(args...); };
  if (type == "+string") {
    run("GETRANGE", key, "0", "-1");
    run("BITCOUNT", key);
    run("PFCOUNT", key);
    run("PFADD", key, "a", "b", "c");
    run("APPEND", key, "x");
    run("SETBIT", key, "77", "1");
    run("INCR", key);
  } else if (type == "+list") {
    run("LRANGE", key, "0", "-1");
    run("LPUSH", key, "head", "12");
    run("LINSERT", key, "BEFORE", "a", "b");
    run("LSET", key, "-1", "set");
    run("LREM", key, "0", "a");
    run("LTRIM", key, "1", "-2");
    run("RPOP", key, "3");
  } else if (type == "+set") {
    run("SMEMBERS", key);
    run("SISMEMBER", key, "a");
    run("SADD", key, "b", "12", "new");
    run("SREM", key, "a", "1");
    run("SRANDMEMBER", key, "-5");
    run("SINTERSTORE", "other", key, key);
    run("SPOP", key, "2");
  } else if (type == "+hash") {
    run("HGETALL", key);
    run("HSET", key, "f", "v2", "fresh", "1");
    run("HINCRBY", key, "number", "3");
    run("HDEL", key, "f");
    run("HRANDFIELD", key, "-3", "WITHVALUES");
    run("HSCAN", key, "0");
  } else if (type == "+zset") {
    run("ZRANGE", key, "0", "-1", "WITHSCORES");
    run("ZRANGEBYLEX", key, "-", "+");
    run("ZADD", key, "3", "a", "0.5", "fresh");
    run("ZRANK", key, "b");
    run("ZREM", key, "a");
    run("ZUNIONSTORE", "other", "2", key, key);
    run("ZPOPMIN", key, "2");
    run("ZREMRANGEBYRANK", key, "-3", "-2");
  } else if (type == "+stream") {
    run("XRANGE", key, "-", "+");
    run("XREVRANGE", key, "+", "-", "COUNT", "3");
    run("XINFO", "STREAM", key, "FULL");
    run("XINFO", "GROUPS", key);
    run("XPENDING", key, "group", "-", "+", "10");
    run("XADD", key, "*", "f", "v");
    run("XREADGROUP", "GROUP", "group", "carol", "STREAMS", key, ">");
    run("XAUTOCLAIM", key, "group", "bob", "0", "0");
    run("XACK", key, "group", "1-1");
    run("XDEL", key, "1-1", "7-0");
    run("XGROUP", "DELCONSUMER", key, "group", "alice");
    run("XTRIM", key, "MAXLEN", "2");
    run("XSETID", key, "999999999999-1");
  } else {
    STELE_ASSERT(type == "+none");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fuzz::Engine* const engine = new fuzz::Engine;
  if (size == 0) return 0;
  engine->run("SET", "bystander", "as it was");
  const std::string payload = with_footer(fuzz::text_of(data, size));
  const std::string reply = engine->run("RESTORE", "key", "0", payload);
  if (reply == "+OK") {
    const Item item = engine->keyspace().find(engine->db(), "key");
    STELE_ASSERT(item);
    const Digest digest = Keyspace::digest_value(*item.entry);
    STELE_ASSERT(engine->run("COPY", "key", "copy") == ":1");
    const std::string stored = engine->stored("key");
    const std::string again =
        make_dump_payload(static_cast<std::uint8_t>(stored[0]), std::string_view(stored).substr(1), kRdbVersionDefault);
    STELE_ASSERT(engine->run("RESTORE", "again", "0", again) == "+OK");
    for (const std::string_view key : {"copy", "again"}) {
      STELE_ASSERT(Keyspace::digest_value(*engine->keyspace().find(engine->db(), key).entry) == digest);
    }
    engine->run("OBJECT", "ENCODING", "key");
    engine->run("SORT", "key", "ALPHA", "LIMIT", "0", "3");
    use(*engine, "key");
    use(*engine, "again");
    engine->run("DEL", "key", "copy", "again", "other");
  } else {
    STELE_ASSERT(reply.starts_with("-ERR"));
  }
  STELE_ASSERT(engine->run("GET", "bystander") == "$9 as it was");
  STELE_ASSERT(engine->run("DBSIZE") == ":1");
  engine->run("DEL", "bystander");  // a table's pointers have marks: what lives at the end would be a leak to the sanitizer
  return 0;
}

std::vector<fuzz::Seed> fuzz::seeds() {
  Engine engine;
  std::vector<Seed> seeds;
  for (const std::string& name : engine.make_samples()) seeds.push_back({name, engine.stored(name)});
  for (auto& [name, bytes] : legacy_samples()) seeds.push_back({name, std::move(bytes)});
  return seeds;
}
