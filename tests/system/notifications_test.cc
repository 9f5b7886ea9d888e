// Keyspace notifications: what the same commands cause on stele and on Redis, message by message. Scripts of a type stand in
// files of their own, events_<type>_test.cc; see event_script.h.

#include "tests/system/event_script.h"

#include <thread>

#include "protocol/resp_split_args.h"
#include "tests/system/system_fixture.h"

namespace stele::test {

namespace {

std::vector<const EventScript*>& registered() {
  static std::vector<const EventScript*> scripts;
  return scripts;
}

}  // namespace

EventScript::EventScript(std::string_view name, std::string_view text) : name_(name) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto words = split_args(text.substr(0, end));
    if (!words) throw std::invalid_argument("unbalanced quotes in event script " + name_);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!words->empty() && !words->front().starts_with('#')) commands_.push_back(*words);
  }
  registered().push_back(this);
}

const std::vector<const EventScript*>& EventScript::all() { return registered(); }

namespace {

using namespace std::chrono_literals;

constexpr std::string_view kEnd = "__keyspace-end";

struct Course {
  std::vector<std::string> replies;
  std::vector<std::string> messages;  // "__keyevent@0__:set key"
};

Course run_script(Server& server, const EventScript& script, std::string_view kinds) {
  Course course;
  server.run("FLUSHALL");
  server.run("CONFIG", "SET", "notify-keyspace-events", kinds);
  Client subscriber = server.connect(10s);
  subscriber.run("PSUBSCRIBE", "__key*");
  Client client = server.connect(10s);
  for (const std::vector<std::string>& command : script.commands()) {
    if (command[0] == "@sleep") {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(command[1])));
      continue;
    }
    course.replies.push_back(command[0] + ": " + describe(client.run_arguments(command)));
  }
  server.run("PUBLISH", kEnd, "");
  while (true) {
    const Reply message = subscriber.read();
    if (message.elements.at(2) == kEnd) return course;
    course.messages.push_back(message.elements[2].text + " " + message.elements[3].text);
  }
}

class Events : public ::testing::TestWithParam<const EventScript*> {
 protected:
  static void SetUpTestSuite() {
    stele_ = std::make_unique<Server>();
    redis_ = std::make_unique<RedisServer>();
  }
  static void TearDownTestSuite() {
    stele_.reset();
    redis_.reset();
  }

  static std::unique_ptr<Server> stele_;
  static std::unique_ptr<Server> redis_;
};

std::unique_ptr<Server> Events::stele_;
std::unique_ptr<Server> Events::redis_;

TEST_P(Events, AreThoseOfRedis) {
  for (const std::string_view kinds : {"KEA", "KEAmn"}) {
    SCOPED_TRACE(kinds);
    const Course expected = run_script(*redis_, *GetParam(), kinds);
    const Course actual = run_script(*stele_, *GetParam(), kinds);
    EXPECT_EQ(actual.replies, expected.replies);
    EXPECT_EQ(actual.messages, expected.messages);
    EXPECT_FALSE(expected.messages.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Scripts, Events, ::testing::ValuesIn(EventScript::all()),
                         [](const auto& script) { return script.param->name(); });

const EventScript kStrings("strings", R"(
  SET a 1
  SET a 2
  SET a 3 EX 100
  SET a 4 KEEPTTL
  SET a 5 NX
  SET b 5 XX
  SET b 5 NX PX 100000
  SET b 6 GET
  SET new 1 GET
  SETNX a 1
  SETNX c 1
  SETEX d 100 x
  PSETEX d 100000 x
  GETSET d y
  GETSET e y
  GETDEL e
  GETDEL e
  GETEX a
  GETEX a EX 100
  GETEX a PERSIST
  GETEX a PERSIST
  GETEX a PXAT 1
  GETEX missing
  MSET f 1 g 2 f 3
  MSETNX f 1 h 2
  MSETNX i 1 j 2
  APPEND f tail
  APPEND k tail
  SETRANGE f 2 xy
  SETRANGE l 2 xy
  SETRANGE l 0 ""
  SETRANGE m 0 ""
  STRLEN missing
  GETRANGE missing 0 1
  MGET f missing g missing
  LCS missing f
  SUBSTR missing 0 1
)");

const EventScript kNumbers("numbers", R"(
  INCR n
  DECR n
  INCRBY n 5
  DECRBY n 5
  INCRBY n 9223372036854775807
  INCR n
  SET word x
  INCR word
  INCRBYFLOAT n -9223372036854775807
  INCRBYFLOAT real 1.5
  INCRBYFLOAT real x
)");

const EventScript kKeys("keys", R"(
  MSET a 1 b 2 c 3
  DEL a missing b
  DEL a
  UNLINK c c
  EXISTS a
  TYPE a
  TOUCH a
  OBJECT ENCODING a
  OBJECT FREQ a
  MSET x 1 y 2
  RENAME x x
  RENAME x z
  RENAME y z
  RENAME missing z
  RENAMENX z z
  SET y 1
  RENAMENX z y
  RENAMENX z free
  COPY free copied
  COPY free copied
  COPY free copied REPLACE
  COPY free other DB 5
  COPY missing copied
  MOVE free 3
  MOVE free 3
  MOVE missing 3
  SELECT 3
  SET free 1
  DEL free
  SELECT 5
  FLUSHDB
  SWAPDB 0 5
  GET copied
  FLUSHALL
  GET copied
)");

const EventScript kExpiry("expiry", R"(
  MSET a 1 b 2 c 3 d 4
  EXPIRE a 100
  EXPIRE a 100 NX
  EXPIRE a 200 GT
  PEXPIRE b 100000
  EXPIREAT c 99999999999
  PEXPIREAT d 99999999999999
  EXPIRE missing 100
  PERSIST a
  PERSIST a
  PERSIST missing
  EXPIRE a -1
  EXPIREAT b 1
  PEXPIREAT c 1
  TTL c
  EXPIRETIME missing
  SET short 1 PX 1
  @sleep 30
  GET short
  GET short
  SET short 1 PX 1
  @sleep 30
  SET short 2
  SET short 1 PX 1
  @sleep 30
  DEL short
  SET short 1 PX 1
  @sleep 30
  EXISTS short
  SET short 1 PX 1
  @sleep 400
  SET past 1 PXAT 1
  GET past
)");

const EventScript kTransactions("transactions", R"(
  MULTI
  SET a 1
  INCR a
  RENAME a b
  INCR word
  DEL b
  EXEC
  MULTI
  SET a 1
  DISCARD
  WATCH a
  SET a 1
  MULTI
  SET a 2
  EXEC
)");

// --- one server

class Notifications : public ::testing::Test {
 protected:
  Notifications() { subscriber_.run("PSUBSCRIBE", "*"); }

  /// The next message: channel and payload.
  std::string next() {
    const Reply message = subscriber_.read();
    return message.elements.at(2).text + " " + message.elements.at(3).text;
  }
  void listen_to(std::string_view kinds) { server_.run("CONFIG", "SET", "notify-keyspace-events", kinds); }

  Server server_;
  Client subscriber_ = server_.connect(10s);
};

TEST_F(Notifications, AreOffUntilConfiguredAndEndWhenTheConfigurationSaysSo) {
  server_.run("SET", "a", "1");
  listen_to("E$");
  server_.run("SET", "b", "1");
  listen_to("");
  server_.run("SET", "c", "1");
  server_.run("PUBLISH", "end", "");
  EXPECT_EQ(next(), "__keyevent@0__:set b");
  EXPECT_EQ(next(), "end ");
}

TEST_F(Notifications, WithoutKOrEThereAreNone) {
  listen_to("A");
  server_.run("SET", "a", "1");
  server_.run("PUBLISH", "end", "");
  EXPECT_EQ(next(), "end ");
}

TEST_F(Notifications, AKeyThatExpiresByItselfIsToldAtTheMomentItGoes) {
  listen_to("Ex");
  server_.run("SET", "a", "1", "PX", "20");
  EXPECT_EQ(next(), "__keyevent@0__:expired a");
  EXPECT_EQ(server_.run("DBSIZE"), "0");
}

TEST_F(Notifications, ReachASubscriberOfItsOwnChangesBehindTheReply) {
  listen_to("E$");
  Client client = server_.connect(10s);
  client.run("HELLO", "3");
  client.run("SUBSCRIBE", "__keyevent@0__:set");
  EXPECT_EQ(client.run("SET", "a", "1"), "OK");
  EXPECT_EQ(describe(client.read()), describe(Reply{.type = '>', .elements = {{.type = '$', .text = "message"},
                                                                               {.type = '$', .text = "__keyevent@0__:set"},
                                                                               {.type = '$', .text = "a"}}}));
  client.run("MULTI");
  client.run("SET", "a", "1");
  client.run("SET", "b", "1");
  EXPECT_EQ(client.run("EXEC").elements.size(), 2u);
  EXPECT_EQ(client.read().elements.at(2), "a");
  EXPECT_EQ(client.read().elements.at(2), "b");
}

TEST_F(Notifications, AreNotRepeatedWhenTheJournalIsReplayed) {
  listen_to("KEA");
  server_.run("SET", "a", "1");
  EXPECT_EQ(next(), "__keyspace@0__:a set");
  server_.kill9();
  server_.restart({"--notify-keyspace-events", "KEA"});
  subscriber_ = server_.connect(10s);
  subscriber_.run("PSUBSCRIBE", "*");
  EXPECT_EQ(server_.run("GET", "a"), "1");
  server_.run("APPEND", "a", "2");
  EXPECT_EQ(next(), "__keyspace@0__:a append");
}

}  // namespace
}  // namespace stele::test
