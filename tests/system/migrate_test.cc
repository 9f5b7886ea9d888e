// MIGRATE between two of ours, and with Redis on either side.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

using Command = std::vector<std::string>;

/// A port of the loopback interface on which nobody ever answers: connections wait to be accepted, or are refused if not
/// `listening`.
class DeafPort {
 public:
  explicit DeafPort(bool listening) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), bytes), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &bytes), 0);
    if (listening) {
      EXPECT_EQ(::listen(fd_, 16), 0);
    }
    port_ = ntohs(address.sin_port);
  }
  ~DeafPort() { ::close(fd_); }
  DeafPort(const DeafPort&) = delete;
  DeafPort& operator=(const DeafPort&) = delete;
  int port() const { return port_; }
  /// Reads what has come so far.
  std::string received() const {
    const int client = ::accept(fd_, nullptr, nullptr);
    std::string bytes(4096, 0);
    const ssize_t n = ::recv(client, bytes.data(), bytes.size(), 0);
    ::close(client);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }

 private:
  int fd_;
  int port_ = 0;
};

/// A key of every type and encoding.
void fill(Server& server) {
  const std::string large(3000, 'x');
  std::vector<Command> commands{
      {"SET", "int", "12345"},
      {"SET", "int:long", "-9223372036854775808"},
      {"SET", "embstr", "short"},
      {"SET", "raw", std::string(100, 'a') + std::string("\0\r\n\xff", 4)},
      {"SET", "compressible", large},
      {"SET", "empty", ""},
      {"SET", std::string("key \0\r\n", 7), "binary"},
      {"SETBIT", "bits", "70000", "1"},
      {"RPUSH", "list:small", "a", "1", "-5", "70000", large},
      {"SADD", "set:int", "1", "-2", "300000", "9999999999"},
      {"SADD", "set:small", "a", "b", "7"},
      {"HSET", "hash:small", "f", "v", "n", "17"},
      {"HSET", "hash:value", "f", large},
      {"ZADD", "zset:small", "1", "a", "2.5", "b", "-inf", "c", "+inf", "d"},
      {"ZADD", "zset:member", "1", large},
      {"PFADD", "hll:sparse", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"},
      {"GEOADD", "geo", "13.361389", "38.115556", "Palermo"},
      {"XADD", "stream", "1-1", "a", "1"},
      {"XADD", "stream", "2-0", "a", "2", "b", "3"},
      {"XADD", "stream", "3-0", "c", "4"},
      {"XDEL", "stream", "2-0"},
      {"XGROUP", "CREATE", "stream", "group", "0"},
      {"XREADGROUP", "GROUP", "group", "alice", "COUNT", "1", "STREAMS", "stream", ">"},
      {"XGROUP", "CREATECONSUMER", "stream", "group", "bob"},
      {"XGROUP", "CREATE", "stream", "late", "$"},
      {"XGROUP", "CREATE", "stream:empty", "g", "$", "MKSTREAM"},
  };
  for (int i = 0; i < 1000; ++i) {
    const std::string n = std::to_string(i), v = "value:" + n;
    commands.push_back({"RPUSH", "list:long", v, n, n == "500" ? large : ""});
    commands.push_back({"SADD", "set:long", v});
    commands.push_back({"SADD", "set:int:long", n});
    commands.push_back({"HSET", "hash:long", "f" + n, v});
    commands.push_back({"ZADD", "zset:long", std::to_string(i * 0.37), v});
    commands.push_back({"PFADD", "hll:dense", v, v + "x", v + "y"});
    commands.push_back({"XADD", "stream:long", n + "-1", "field", v});
  }
  Client client = server.connect();
  for (const Reply& reply : pipeline(client, commands)) ASSERT_FALSE(reply.is_error()) << reply;
}

std::vector<std::string> keys_of(Server& server) {
  std::vector<std::string> keys;
  for (const Reply& key : server.run("KEYS", "*").elements) keys.push_back(key.text);
  std::sort(keys.begin(), keys.end());
  return keys;
}

Reply migrate(Server& from, const Server& to, const std::string& key, const Command& options = {}) {
  Command command{"MIGRATE", "127.0.0.1", std::to_string(to.port()), key, "0", "10000"};
  command.insert(command.end(), options.begin(), options.end());
  Client client = from.connect();
  return client.run_arguments(command);
}

Reply migrate_all(Server& from, const Server& to, const std::vector<std::string>& keys, Command options = {}) {
  options.push_back("KEYS");
  options.insert(options.end(), keys.begin(), keys.end());
  return migrate(from, to, "", options);
}

Reply digests(Server& server, const std::vector<std::string>& keys) {
  Command command{"DEBUG", "DIGEST-VALUE"};
  command.insert(command.end(), keys.begin(), keys.end());
  Client client = server.connect();
  return client.run_arguments(command);
}

std::vector<std::string> encodings(Server& server, const std::vector<std::string>& keys) {
  std::vector<std::string> names;
  for (const std::string& key : keys) names.push_back(key + ": " + server.run("OBJECT", "ENCODING", key).text);
  return names;
}

/// One by one, as some clients do, and then the rest with one command.
void move_everything(Server& from, Server& to) {
  fill(from);
  const std::vector<std::string> keys = keys_of(from);
  const Reply before = digests(from, keys);
  for (std::size_t i = 0; i < 10; ++i) ASSERT_EQ(migrate(from, to, keys[i]), "OK") << keys[i];
  ASSERT_EQ(migrate_all(from, to, keys), "OK");
  EXPECT_EQ(from.run("DBSIZE").integer(), 0);
  EXPECT_EQ(keys_of(to), keys);
  EXPECT_EQ(digests(to, keys), before);
}

TEST(Migrate, EveryTypeArrivesAtRedisAsItWas) {
  Server ours;
  RedisServer redis;
  move_everything(ours, redis);
}

TEST(Migrate, EveryTypeArrivesFromRedisAsItWas) {
  Server ours;
  RedisServer redis;
  move_everything(redis, ours);
}

TEST(Migrate, EveryTypeAndEncodingArrivesFromOneOfOursAtAnother) {
  Server from, to;
  fill(from);
  const std::vector<std::string> before = encodings(from, keys_of(from));
  from.run("FLUSHALL");
  move_everything(from, to);
  EXPECT_EQ(encodings(to, keys_of(to)), before);
  EXPECT_EQ(from.info("migrate_cached_sockets"), "1");
}

TEST(Migrate, WhatHasMovedIsGoneAfterKill9AndIsThereOnTheOtherSide) {
  Server from, to;
  set_keys(*std::make_unique<Client>(from.connect()), 100);
  ASSERT_EQ(migrate(from, to, "key:1"), "OK");
  ASSERT_EQ(migrate_all(from, to, {"key:2", "key:3", "nosuch"}), "OK");
  from.kill9();
  to.kill9();
  from.restart();
  to.restart();
  EXPECT_EQ(from.run("EXISTS", "key:1", "key:2", "key:3").integer(), 0);
  EXPECT_EQ(from.run("DBSIZE").integer(), 97);
  EXPECT_EQ(to.run("MGET", "key:1", "key:2", "key:3"), (Reply{.type = '*',
                                                              .elements = {{.type = '$', .text = "value:1"},
                                                                           {.type = '$', .text = "value:2"},
                                                                           {.type = '$', .text = "value:3"}}}));
}

TEST(Migrate, LifetimesComeAlong) {
  Server from, to;
  RedisServer redis;
  for (Server* target : {&to, static_cast<Server*>(&redis)}) {
    from.run("SET", "forever", "1");
    from.run("SET", "soon", "1", "PX", 100'000);
    from.run("SET", "gone", "1", "PX", 1);
    const std::int64_t expire_at = from.run("PEXPIRETIME", "soon").integer();
    ASSERT_EQ(migrate_all(from, *target, {"forever", "soon"}, {"COPY"}), "OK");
    EXPECT_EQ(target->run("PTTL", "forever").integer(), -1);
    EXPECT_NEAR(static_cast<double>(target->run("PEXPIRETIME", "soon").integer()), static_cast<double>(expire_at), 3000);
    ASSERT_TRUE(wait_until([&] { return from.run("EXISTS", "gone").integer() == 0; }));
    EXPECT_EQ(migrate(from, *target, "gone"), "NOKEY");
  }
}

TEST(Migrate, WithCopyTheKeyStaysAndOnlyWithReplaceItMayBeThereAlready) {
  Server from, to;
  from.run("SET", "key", "new");
  to.run("SET", "key", "old");
  const Reply busy = error("ERR Target instance replied with error: BUSYKEY Target key name already exists.");
  EXPECT_EQ(migrate(from, to, "key", {"COPY"}), busy);
  EXPECT_EQ(migrate(from, to, "key"), busy);
  EXPECT_EQ(from.run("GET", "key"), "new");
  EXPECT_EQ(to.run("GET", "key"), "old");
  EXPECT_EQ(migrate(from, to, "key", {"COPY", "REPLACE"}), "OK");
  EXPECT_EQ(from.run("GET", "key"), "new");
  EXPECT_EQ(to.run("GET", "key"), "new");
  EXPECT_EQ(migrate(from, to, "key", {"REPLACE"}), "OK");
  EXPECT_TRUE(from.run("GET", "key").null);
}

TEST(Migrate, KeysThatAreRefusedStayAndTheOthersGo) {
  Server from, to;
  from.run("MSET", "a", "1", "b", "2", "c", "3", "d", "4");
  to.run("MSET", "b", "x", "d", "x");
  EXPECT_EQ(migrate_all(from, to, {"a", "b", "nosuch", "c", "d"}),
            error("ERR Target instance replied with error: BUSYKEY Target key name already exists."));
  EXPECT_EQ(keys_of(from), (std::vector<std::string>{"b", "d"}));
  EXPECT_EQ(keys_of(to), (std::vector<std::string>{"a", "b", "c", "d"}));
  from.kill9();
  from.restart();
  EXPECT_EQ(keys_of(from), (std::vector<std::string>{"b", "d"}));
}

TEST(Migrate, GoesToTheDatabaseThatIsAskedFor) {
  Server from, to;
  for (const int db : {3, 3, 0, 15}) {
    from.run("SET", "key", db);
    EXPECT_EQ(from.run("MIGRATE", "localhost", to.port(), "key", db, 5000, "REPLACE"), "OK");
    to.run("SELECT", db);
    EXPECT_EQ(to.run("GET", "key"), std::to_string(db));
  }
  from.run("SET", "key", "stays");
  EXPECT_EQ(from.run("MIGRATE", "localhost", to.port(), "key", 16, 5000, "REPLACE"),
            error("ERR Target instance replied with error: ERR DB index is out of range"));
  EXPECT_EQ(from.run("GET", "key"), "stays");
  EXPECT_EQ(to.run("GET", "key"), "15") << "nothing is restored into another database";
}

TEST(Migrate, LogsInAsItIsTold) {
  Server from;
  RedisServer redis;
  Server ours;
  for (Server* to : {&ours, static_cast<Server*>(&redis)}) {
    to->run("ACL", "SETUSER", "mover", "on", ">secret", "~m:*", "+restore", "+select", "+auth");
    to->run("CONFIG", "SET", "requirepass", "sesame");
    to->run("AUTH", "sesame");
    from.run("MSET", "m:1", "1", "m:2", "2", "other", "3");
    EXPECT_EQ(migrate(from, *to, "m:1"), error("ERR Target instance replied with error: NOAUTH Authentication required."));
    EXPECT_TRUE(
        migrate(from, *to, "m:1", {"AUTH", "wrong"}).text.starts_with("ERR Target instance replied with error: WRONGPASS"));
    EXPECT_EQ(migrate(from, *to, "m:1", {"AUTH", "sesame"}), "OK");
    EXPECT_EQ(migrate(from, *to, "m:2", {"AUTH2", "mover", "secret"}), "OK");
    EXPECT_TRUE(migrate(from, *to, "other", {"AUTH2", "mover", "secret"})
                    .text.starts_with("ERR Target instance replied with error: NOPERM"));
    EXPECT_EQ(migrate(from, *to, "other"), error("ERR Target instance replied with error: NOAUTH Authentication required."))
        << "somebody else's login";
    EXPECT_EQ(to->run("MGET", "m:1", "m:2").elements.size(), 2u);
    EXPECT_EQ(from.run("DBSIZE").integer(), 1);
    // A password that has changed since counts for connections that are open, too.
    to->run("CONFIG", "SET", "requirepass", "other");
    EXPECT_TRUE(migrate(from, *to, "other", {"AUTH", "sesame"})
                    .text.starts_with("ERR Target instance replied with error: WRONGPASS"));
    EXPECT_EQ(migrate(from, *to, "other", {"AUTH", "other"}), "OK");
  }
}

// Redis is asked the same, for its words.
TEST(Migrate, SaysWhatRedisSaysIfItCannotBeDone) {
  Server ours;
  RedisServer redis;
  const DeafPort silent(true), nobody(false);
  ours.run("SET", "key", "1");
  redis.run("SET", "key", "1");
  const std::string deaf = std::to_string(silent.port()), none = std::to_string(nobody.port());
  const std::vector<Command> commands{
      {"127.0.0.1", deaf, "key", "0", "100"},
      {"127.0.0.1", none, "key", "0", "100"},
      {"127.0.0.1", deaf, "nosuch", "0", "100"},
      {"127.0.0.1", deaf, "key", "x", "100"},
      {"127.0.0.1", deaf, "key", "0", "x"},
      {"127.0.0.1", deaf, "key", "x", "x"},
      {"127.0.0.1", deaf, "key", "0", "100", "AUTH"},
      {"127.0.0.1", deaf, "key", "0", "100", "AUTH2", "user"},
      {"127.0.0.1", deaf, "key", "0", "100", "COPY", "KEYS", "a"},
      {"127.0.0.1", deaf, "", "0", "100", "KEYS"},
      {"127.0.0.1", deaf, "", "0", "100"},
      {"127.0.0.1", deaf, "key", "0", "100", "MOVE"},
      {"127.0.0.1", deaf, "key", "0"},
      {"127.0.0.1", deaf, "key", "0", "100", "REPLACE", "AUTH", "KEYS"},
      {"no-such-host.invalid", deaf, "key", "0", "100"},
  };
  for (Command command : commands) {
    command.insert(command.begin(), "MIGRATE");
    Client ours_client = ours.connect(), redis_client = redis.connect();
    const Reply reply = ours_client.run_arguments(command);
    EXPECT_EQ(reply, redis_client.run_arguments(command)) << testing::PrintToString(command);
    command.insert(command.begin(), {"COMMAND", "GETKEYSANDFLAGS"});
    if (command.size() >= 8) {
      EXPECT_EQ(ours_client.run_arguments(command), redis_client.run_arguments(command)) << testing::PrintToString(command);
    }
  }
  EXPECT_EQ(ours.run("GET", "key"), "1");
}

TEST(Migrate, ATargetThatNeverAnswersTakesNoLongerThanTheTimeout) {
  Server server;
  const DeafPort silent(true);
  server.run("SET", "key", "1");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(server.run("MIGRATE", "127.0.0.1", silent.port(), "key", 0, 300),
            error("IOERR error or timeout reading to target instance"));
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(took, std::chrono::milliseconds(290));
  EXPECT_LT(took, std::chrono::milliseconds(5000));
  EXPECT_EQ(server.run("GET", "key"), "1");
  EXPECT_EQ(server.info("migrate_cached_sockets"), "0");
  EXPECT_TRUE(contains(silent.received(), "SELECT"));
}

TEST(Migrate, ATargetThatStartedAnewIsFoundAgain) {
  Server from, to;
  from.run("MSET", "a", "1", "b", "2");
  EXPECT_EQ(migrate(from, to, "a"), "OK");
  to.kill9();
  EXPECT_TRUE(migrate(from, to, "b").text.starts_with("IOERR")) << "nobody is there";
  to.restart();
  EXPECT_EQ(migrate(from, to, "b"), "OK");
  EXPECT_EQ(to.run("DBSIZE").integer(), 2);
}

TEST(Migrate, ConnectionsAreKeptForTenSeconds) {
  Server from, to;
  from.run("MSET", "a", "1", "b", "2");
  const std::string before = to.info("total_connections_received");
  EXPECT_EQ(migrate(from, to, "a"), "OK");
  EXPECT_EQ(migrate(from, to, "b"), "OK");
  EXPECT_EQ(std::stoi(to.info("total_connections_received")), std::stoi(before) + 1);
  EXPECT_EQ(from.info("migrate_cached_sockets"), "1");
  EXPECT_TRUE(wait_until([&] { return from.info("migrate_cached_sockets") == "0"; }, std::chrono::seconds(20)));
}

TEST(Migrate, WorksInTransactionsAndInScripts) {
  Server from, to;
  from.run("MSET", "a", "1", "b", "2", "c", "3");
  from.run("MULTI");
  from.run("SET", "a", "in MULTI");
  from.run("MIGRATE", "127.0.0.1", to.port(), "a", 0, 5000);
  from.run("EXISTS", "a");
  const Reply exec = from.run("EXEC");
  ASSERT_EQ(exec.elements.size(), 3u) << exec;
  EXPECT_EQ(exec.elements[1], "OK");
  EXPECT_EQ(exec.elements[2], "0");
  EXPECT_EQ(to.run("GET", "a"), "in MULTI");
  EXPECT_EQ(from.run("EVAL",
                     "redis.call('SET', KEYS[2], 'x') return redis.call('MIGRATE', ARGV[1], ARGV[2], '', 0, 5000, 'KEYS', "
                     "KEYS[1], KEYS[2])",
                     2, "b", "c", "127.0.0.1", to.port()),
            "OK");
  EXPECT_EQ(keys_of(to), (std::vector<std::string>{"a", "b", "c"}));
  from.kill9();
  from.restart();
  EXPECT_EQ(from.run("DBSIZE").integer(), 0);
}

TEST(Migrate, KeysThatOnlyTheDiskHasCanGo) {
  Server from{"--warm-up", "no"};
  Server to;
  fill(from);
  const std::vector<std::string> keys = keys_of(from);
  const Reply before = digests(from, keys);
  from.terminate();
  from.restart();
  ASSERT_EQ(migrate(from, to, keys[0]), "OK");
  ASSERT_EQ(migrate_all(from, to, keys), "OK");
  EXPECT_EQ(from.run("DBSIZE").integer(), 0);
  EXPECT_EQ(digests(to, keys), before);
  from.terminate();
  from.restart();
  EXPECT_EQ(from.run("DBSIZE").integer(), 0);
}

TEST(Migrate, TellsSubscribersOfTheDeletionAndEndsWatches) {
  Server from, to;
  from.run("CONFIG", "SET", "notify-keyspace-events", "KEA");
  from.run("MSET", "a", "1", "b", "2");
  Client subscriber = from.connect(), watcher = from.connect();
  subscriber.run("PSUBSCRIBE", "__keyevent@0__:*");
  watcher.run("WATCH", "a");
  EXPECT_EQ(migrate_all(from, to, {"a"}, {"COPY"}), "OK");
  EXPECT_EQ(migrate_all(from, to, {"a", "b"}, {"REPLACE"}), "OK");
  for (const char* const key : {"a", "b"}) {
    const Reply message = subscriber.read();
    ASSERT_EQ(message.elements.size(), 4u) << message;
    EXPECT_EQ(message.elements[2], "__keyevent@0__:del");
    EXPECT_EQ(message.elements[3], key);
  }
  watcher.run("MULTI");
  watcher.run("PING");
  EXPECT_TRUE(watcher.run("EXEC").null);
}

TEST(Migrate, PasswordsAreNotShown) {
  Server server;
  Client monitor = server.connect();
  server.run("CONFIG", "SET", "slowlog-log-slower-than", "0");
  monitor.run("MONITOR");
  server.run("MIGRATE", "127.0.0.1", 1, "key", 9, 5000, "AUTH", "secret");
  server.run("MIGRATE", "127.0.0.1", 1, "", 9, 5000, "auth2", "me", "secret", "KEYS", "AUTH", "key");
  server.run("CONFIG", "SET", "slowlog-log-slower-than", "-1");
  EXPECT_TRUE(contains(monitor.read().text, "\"key\" \"9\" \"5000\" \"AUTH\" \"(redacted)\""));
  EXPECT_TRUE(contains(monitor.read().text, "\"auth2\" \"(redacted)\" \"(redacted)\" \"KEYS\" \"AUTH\" \"key\""));
  std::string logged;
  for (const Reply& entry : server.run("SLOWLOG", "GET").elements) logged += describe(entry.elements[3]);
  EXPECT_TRUE(contains(logged, "redacted"));
  EXPECT_EQ(logged.find("secret"), std::string::npos) << logged;
}

}  // namespace
}  // namespace stele::test
