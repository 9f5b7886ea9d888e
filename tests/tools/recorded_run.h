#pragma once

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "tests/support/server.h"

namespace stele::test {

/// What a server's data were at a moment of its stream, by its own account.
struct RecordedMoment {
  std::uint64_t offset = 0;
  std::int64_t unix_ms = 0;  // nothing was written within a few milliseconds of it
  std::string digest;
};

/// Keeps a server busy with data of every type, transactions, scripts, expiries and several databases, and notes now and then what has
/// come of it.
class RecordedRun {
 public:
  RecordedRun(Server& server, unsigned seed) : server_(server), random_(seed) {}

  /// `writes` of them before each moment.
  void run(int moments, int writes) {
    for (int i = 0; i < moments; ++i) {
      for (int j = 0; j < writes; ++j) write();
      moments_.push_back(note());
    }
  }

  const std::vector<RecordedMoment>& moments() const { return moments_; }

  RecordedMoment note() {
    // Nothing expires meanwhile, so offset and digest belong together.
    server_.run("DEBUG", "SET-ACTIVE-EXPIRE", "0");
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    RecordedMoment moment;
    moment.digest = server_.run("DEBUG", "DIGEST").text;
    moment.offset = std::stoull(server_.info("master_repl_offset"));
    moment.unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    server_.run("DEBUG", "SET-ACTIVE-EXPIRE", "1");
    return moment;
  }

  void write() {
    const auto pick = [&](int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); };
    const auto key = [&](const char* kind) { return std::string(kind) + ":" + std::to_string(pick(40)); };
    const auto value = [&] { return "v" + std::to_string(random_() % 1000); };
    switch (pick(34)) {
      case 0: server_.run("SET", key("s"), std::string(static_cast<std::size_t>(pick(200)), 'x') + value()); break;
      case 1: server_.run("SETEX", key("s"), 100 + pick(1000), value()); break;
      case 2: server_.run("PSETEX", key("short"), 5 + pick(60), value()); break;
      case 3: server_.run("INCRBY", key("n"), pick(100)); break;
      case 4: server_.run("INCRBYFLOAT", key("f"), "1.25"); break;
      case 5: server_.run("APPEND", key("s"), value()); break;
      case 6: server_.run("SETRANGE", key("s"), pick(50), value()); break;
      case 7: server_.run("SETBIT", key("b"), pick(1000), pick(2)); break;
      case 8: server_.run("RPUSH", key("l"), value(), value()); break;
      case 9: server_.run("LPOP", key("l"), 1 + pick(3)); break;
      case 10: server_.run("LINSERT", key("l"), "BEFORE", value(), value()); break;
      case 11: server_.run("RPOPLPUSH", key("l"), key("l")); break;
      case 12: server_.run("SADD", key("set"), value(), value(), pick(100)); break;
      case 13: server_.run("SPOP", key("set"), 1 + pick(2)); break;
      case 14: server_.run("SUNIONSTORE", key("set"), key("set"), key("set")); break;
      case 15: server_.run("ZADD", key("z"), pick(50), value(), "2.5", value()); break;
      case 16: server_.run("ZPOPMIN", key("z"), 1); break;
      case 17: server_.run("ZREMRANGEBYSCORE", key("z"), 0, pick(20)); break;
      case 18: server_.run("HSET", key("h"), value(), value(), "n", pick(9)); break;
      case 19: server_.run("HINCRBY", key("h"), "n", pick(9)); break;
      case 20: server_.run("HDEL", key("h"), value()); break;
      case 21: server_.run("XADD", key("x"), "MAXLEN", "~", 50, "*", "field", value()); break;
      case 22: {
        const std::string stream = key("x");
        server_.run("XGROUP", "CREATE", stream, "g", "0", "MKSTREAM");
        server_.run("XREADGROUP", "GROUP", "g", "c" + std::to_string(pick(3)), "COUNT", 2, "STREAMS", stream, ">");
        break;
      }
      case 23: server_.run("PFADD", key("p"), value(), value()); break;
      case 24: server_.run("GEOADD", key("geo"), pick(90), pick(80), value()); break;
      case 25:
        server_.run("MULTI");
        for (int i = 0; i < 4; ++i) server_.run("SET", key("m"), value());
        server_.run("LPUSH", key("l"), value());
        server_.run("EXEC");
        break;
      case 26:
        server_.run("EVAL", "redis.call('set', KEYS[1], ARGV[1]) redis.call('incr', KEYS[2]) return redis.call('del', KEYS[3])", 3,
                    key("lua"), key("n"), key("s"), value());
        break;
      case 27: server_.run("PEXPIRE", key("h"), 5 + pick(100)); break;
      case 28: server_.run("SELECT", pick(3)); break;
      case 29: server_.run("DEL", key("s"), key("l"), key("z")); break;
      case 30: server_.run("RENAME", key("set"), key("set")); break;
      case 31: server_.run("COPY", key("z"), key("z"), "DB", pick(3), "REPLACE"); break;
      case 32: server_.run("GETEX", key("s"), "EX", 10 + pick(100)); break;
      default:
        if (pick(60) == 0) {
          server_.run("FLUSHDB");
        } else if (pick(20) == 0) {
          server_.run("SWAPDB", 0, 1);
        } else if (pick(4) == 0) {
          server_.run("FUNCTION", "LOAD", "REPLACE", "#!lua name=lib" + std::to_string(pick(3)) +
                      "\nredis.register_function('f" + std::to_string(pick(3)) + "x', function() return 1 end)");
        } else {
          server_.run("PERSIST", key("h"));
        }
    }
  }

 private:
  Server& server_;
  std::mt19937 random_;
  std::vector<RecordedMoment> moments_;
};

}  // namespace stele::test
