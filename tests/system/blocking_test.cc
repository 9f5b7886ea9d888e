// Clients that wait for a key: who is served, when, and what ends the wait.
#include <sys/socket.h>

#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;
using Args = std::vector<std::string>;

class Blocking : public ::testing::Test {
 protected:
  /// A new connection that waits in `command`.
  Client blocked_in(const Args& command) {
    Client client = server_.connect(20s);
    block(client, command);
    return client;
  }
  void block(Client& client, const Args& command) {
    const int before = std::stoi(server_.info("blocked_clients"));
    client.send(command);
    client.flush();
    wait_for_blocked(before + 1);
  }
  void wait_for_blocked(int count) {
    server_.wait_until([&] { return server_.info("blocked_clients") == std::to_string(count); });
  }
  static std::int64_t id_of(Client& client) { return client.run("CLIENT", "ID").integer(); }
  static Reply list(const Args& elements) {
    Reply reply{.type = '*'};
    for (const std::string& element : elements) reply.elements.push_back({.type = '$', .text = element});
    return reply;
  }
  static Reply nothing() { return {.type = '*', .null = true}; }
  /// How long until `client` gets its reply.
  static std::chrono::milliseconds time_to_reply(Client& client, const Args& command, Reply& reply) {
    const auto start = std::chrono::steady_clock::now();
    reply = client.run_arguments(command);
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  }

  Server server_{"--enable-debug-command", "yes"};
};

// --- who is served

TEST_F(Blocking, ThoseWhoCameFirstAreServedFirst) {
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(blocked_in({"BLPOP", "k", "0"}));
  EXPECT_EQ(server_.run("RPUSH", "k", "0", "1", "2"), "3");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(clients[static_cast<std::size_t>(i)].read(), list({"k", std::to_string(i)}));
  EXPECT_EQ(server_.info("blocked_clients"), "2");
  EXPECT_EQ(server_.run("EXISTS", "k"), "0");
  server_.run("RPUSH", "k", "3", "4", "5");
  EXPECT_EQ(clients[3].read(), list({"k", "3"}));
  EXPECT_EQ(clients[4].read(), list({"k", "4"}));
  EXPECT_EQ(server_.run("LRANGE", "k", "0", "-1"), list({"5"}));
}

TEST_F(Blocking, AThousandWaitersAreServedInOrder) {
  std::vector<Client> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(server_.connect(20s));
    clients.back().send(Args{"BLPOP", "k", "0"});
    clients.back().flush();
    if (i % 50 == 0) wait_for_blocked(i + 1);  // whose bytes are read in one turn is not told apart by time
  }
  wait_for_blocked(1000);
  for (int i = 0; i < 1000; ++i) server_.run("RPUSH", "k", i);
  std::vector<int> served;
  for (Client& client : clients) served.push_back(std::stoi(client.read().elements.at(1).text));
  for (std::size_t i = 0; i + 50 < served.size(); i += 50) EXPECT_LT(served[i], served[i + 50]);
  std::ranges::sort(served);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(served[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(server_.info("blocked_clients"), "0");
}

TEST_F(Blocking, AWaiterOnSeveralKeysIsServedByTheFirstThatComesAndOnlyOnce) {
  Client client = blocked_in({"BRPOP", "a", "b", "a", "c", "0"});
  server_.run("RPUSH", "b", "1");
  EXPECT_EQ(client.read(), list({"b", "1"}));
  server_.run("RPUSH", "a", "2");
  EXPECT_EQ(client.run("PING"), "PONG");
  EXPECT_EQ(server_.run("LLEN", "a"), "1");
}

TEST_F(Blocking, ATransactionServesWaitersAtItsEnd) {
  Client first = blocked_in({"BLPOP", "a", "0"});
  Client second = blocked_in({"BLPOP", "b", "a", "0"});
  pipeline(first, {});
  Client other = server_.connect();
  const auto replies = pipeline(other, {{"MULTI"}, {"RPUSH", "a", "1"}, {"DEL", "a"}, {"RPUSH", "b", "2", "3"}, {"LLEN", "b"}, {"EXEC"}});
  EXPECT_EQ(replies.back().elements.at(3), "2");
  EXPECT_EQ(second.read(), list({"b", "2"}));
  EXPECT_EQ(server_.info("blocked_clients"), "1");
  other.run("RPUSH", "a", "4");
  EXPECT_EQ(first.read(), list({"a", "4"}));
}

TEST_F(Blocking, InATransactionNothingWaits) {
  Client client = server_.connect();
  const auto replies = pipeline(client, {{"MULTI"}, {"BLPOP", "k", "0"}, {"BLMOVE", "k", "l", "LEFT", "LEFT", "0"}, {"EXEC"}});
  ASSERT_EQ(replies.back().elements.size(), 2u);
  EXPECT_EQ(replies.back().elements[0], nothing());
  EXPECT_EQ(replies.back().elements[1], (Reply{.type = '$', .null = true}));
}

TEST_F(Blocking, AChainOfMovesRunsToItsEnd) {
  Client pop = blocked_in({"BLPOP", "c", "0"});
  Client second = blocked_in({"BLMOVE", "b", "c", "LEFT", "RIGHT", "0"});
  Client first = blocked_in({"BRPOPLPUSH", "a", "b", "0"});
  server_.run("RPUSH", "a", "x");
  EXPECT_EQ(first.read(), "x");
  EXPECT_EQ(second.read(), "x");
  EXPECT_EQ(pop.read(), list({"c", "x"}));
  EXPECT_EQ(server_.run("DBSIZE"), "0");
}

TEST_F(Blocking, MovesInACircleEnd) {
  Client first = blocked_in({"BLMOVE", "a", "b", "LEFT", "RIGHT", "0"});
  Client second = blocked_in({"BLMOVE", "b", "a", "LEFT", "RIGHT", "0"});
  server_.run("RPUSH", "a", "x");
  EXPECT_EQ(first.read(), "x");
  EXPECT_EQ(second.read(), "x");
  EXPECT_EQ(server_.run("LRANGE", "a", "0", "-1"), list({"x"}));
}

TEST_F(Blocking, AMultiPopTakesUpToItsCountFromOneKey) {
  Client client = blocked_in({"BLMPOP", "0", "2", "a", "b", "RIGHT", "COUNT", "2"});
  server_.run("RPUSH", "b", "1", "2", "3");
  const Reply reply = client.read();
  EXPECT_EQ(reply.elements.at(0), "b");
  EXPECT_EQ(reply.elements.at(1), list({"3", "2"}));
  EXPECT_EQ(server_.run("LLEN", "b"), "1");
}

TEST_F(Blocking, AKeyOfAnotherTypeServesNobodyAndAMoveOntoOneFails) {
  Client pop = blocked_in({"BLPOP", "k", "0"});
  Client move = blocked_in({"BLMOVE", "source", "target", "LEFT", "LEFT", "0"});
  server_.run("SET", "k", "string");
  server_.run("SET", "target", "string");
  EXPECT_EQ(server_.info("blocked_clients"), "2");
  server_.run("RPUSH", "source", "x");
  EXPECT_TRUE(move.read().text.starts_with("WRONGTYPE"));
  EXPECT_EQ(server_.run("LLEN", "source"), "1");
  server_.run("DEL", "k");
  server_.run("RPUSH", "k", "y");
  EXPECT_EQ(pop.read(), list({"k", "y"}));
}

TEST_F(Blocking, CommandsOnWholeKeysMakeThemReady) {
  const auto serves = [&](const std::string& what, const std::vector<Args>& commands) {
    SCOPED_TRACE(what);
    server_.run("FLUSHALL");
    server_.run("RPUSH", "source", "x");
    Client client = blocked_in({"BLPOP", "k", "0"});
    Client other = server_.connect();
    pipeline(other, commands);
    EXPECT_EQ(client.read(), list({"k", "x"}));
  };
  serves("RENAME", {{"RENAME", "source", "k"}});
  serves("COPY", {{"COPY", "source", "k"}});
  serves("MOVE", {{"SELECT", "1"}, {"RPUSH", "k", "x"}, {"MOVE", "k", "0"}});
  serves("SWAPDB", {{"SELECT", "1"}, {"RPUSH", "k", "x"}, {"SWAPDB", "0", "1"}});
}

TEST_F(Blocking, SortThatStoresMakesItsKeyReady) {
  Client client = blocked_in({"BLPOP", "k", "0"});
  server_.run("RPUSH", "source", "2", "1");
  ASSERT_EQ(server_.run("SORT", "source", "STORE", "k"), "2");
  EXPECT_EQ(client.read(), list({"k", "1"}));
  EXPECT_EQ(server_.run("LRANGE", "k", "0", "-1"), list({"2"}));
}

TEST_F(Blocking, WhatIsGoneAgainBeforeAnyoneLooksWakesNobody) {
  Client client = blocked_in({"BLPOP", "k", "0"});
  Client other = server_.connect();
  pipeline(other, {{"MULTI"}, {"RPUSH", "k", "x"}, {"FLUSHALL"}, {"EXEC"}});
  pipeline(other, {{"MULTI"}, {"RPUSH", "k", "x"}, {"DEL", "k"}, {"SET", "k", "string"}, {"EXEC"}, {"DEL", "k"}});
  EXPECT_EQ(server_.info("blocked_clients"), "1");
  other.run("RPUSH", "k", "y");
  EXPECT_EQ(client.read(), list({"k", "y"}));
}

TEST_F(Blocking, AClientWaitsInItsOwnDatabase) {
  Client client = server_.connect(20s);
  client.run("SELECT", "3");
  block(client, {"BLPOP", "k", "0"});
  server_.run("RPUSH", "k", "0");
  EXPECT_EQ(server_.info("blocked_clients"), "1");
  Client other = server_.connect();
  pipeline(other, {{"SELECT", "3"}, {"RPUSH", "k", "3"}});
  EXPECT_EQ(client.read(), list({"k", "3"}));
}

// --- what ends the wait

TEST_F(Blocking, ATimeoutIsKeptToTheMillisecond) {
  Client client = server_.connect(20s);
  for (const int ms : {1, 20, 135, 300}) {
    Reply reply;
    const auto took = time_to_reply(client, {"BLPOP", "k", fmt::format("0.{:03}", ms)}, reply);
    EXPECT_EQ(reply, nothing());
    EXPECT_GE(took.count(), ms - 1);
    EXPECT_LE(took.count(), ms + 60) << "of " << ms << " ms";  // other processes run too
  }
  Reply reply;
  time_to_reply(client, {"BLMOVE", "k", "l", "LEFT", "LEFT", "0.01"}, reply);
  EXPECT_EQ(reply, nothing());
  EXPECT_EQ(server_.info("blocked_clients"), "0");
}

TEST_F(Blocking, ATimeoutInResp3IsTheNullOfItsVersion) {
  Client client = server_.connect(20s);
  client.run("HELLO", "3");
  EXPECT_EQ(client.run("BLMPOP", "0.01", "1", "k", "LEFT"), (Reply{.type = '_', .null = true}));
}

TEST_F(Blocking, ATimeoutWhileTheKeyHasAnotherTypeIsATimeoutAllTheSame) {
  Client client = blocked_in({"BLPOP", "k", "0.3"});
  server_.run("SET", "k", "string");
  EXPECT_EQ(client.read(), nothing());
}

TEST_F(Blocking, BeingWokenInVainDoesNotProlongTheWait) {
  Client client = blocked_in({"BLPOP", "k", "0.4"});
  const auto start = std::chrono::steady_clock::now();
  Client other = server_.connect();
  while (std::chrono::steady_clock::now() - start < 300ms) {
    pipeline(other, {{"MULTI"}, {"RPUSH", "k", "x"}, {"DEL", "k"}, {"EXEC"}});
  }
  EXPECT_EQ(client.read(), nothing());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 900ms);
}

TEST_F(Blocking, UnblockEndsAWaitAsATimeoutOrAsAnError) {
  Client client = server_.connect(20s);
  const std::int64_t id = id_of(client);
  EXPECT_EQ(server_.run("CLIENT", "UNBLOCK", id), "0");
  block(client, {"BLPOP", "k", "0"});
  EXPECT_EQ(server_.run("CLIENT", "UNBLOCK", id), "1");
  EXPECT_EQ(client.read(), nothing());
  block(client, {"BLMOVE", "k", "l", "LEFT", "LEFT", "0"});
  EXPECT_EQ(server_.run("CLIENT", "UNBLOCK", id, "ERROR"), "1");
  EXPECT_EQ(client.read(), error("UNBLOCKED client unblocked via CLIENT UNBLOCK"));
  EXPECT_EQ(server_.run("CLIENT", "UNBLOCK", id, "TIMEOUT"), "0");
  EXPECT_EQ(client.run("PING"), "PONG");
}

TEST_F(Blocking, UnblockInATransactionLeavesItsEffectsWhole) {
  Client client = server_.connect(20s);
  const std::string id = std::to_string(id_of(client));
  block(client, {"BLPOP", "k", "0"});
  Client other = server_.connect();
  const auto replies = pipeline(other, {{"MULTI"}, {"SET", "a", "1"}, {"SET", "b", "2"}, {"CLIENT", "UNBLOCK", id},
                                        {"SET", "c", "3"}, {"EXEC"}, {"SET", "d", "4"}});
  EXPECT_EQ(replies.at(5).elements.at(2), "1");
  EXPECT_EQ(client.read(), nothing());
  server_.kill9();
  server_.restart();
  EXPECT_EQ(server_.run("MGET", "a", "b", "c", "d"), list({"1", "2", "3", "4"}));
}

TEST_F(Blocking, AClientThatLeftTakesNothing) {
  {
    Client gone = blocked_in({"BLPOP", "k", "0"});
  }
  wait_for_blocked(0);
  server_.run("RPUSH", "k", "x");
  EXPECT_EQ(server_.run("LLEN", "k"), "1");
}

TEST_F(Blocking, AClientThatIsKilledInTheSameTurnTakesNothing) {
  for (int round = 0; round < 20; ++round) {
    Client victim = server_.connect(20s);
    const std::string id = std::to_string(id_of(victim));
    block(victim, {"BLPOP", "k", "0"});
    Client other = server_.connect();
    const auto replies = pipeline(other, {{"CLIENT", "KILL", "ID", id}, {"RPUSH", "k", "x"}, {"LPOP", "k"}});
    EXPECT_EQ(replies.at(0), "1");
    EXPECT_EQ(replies.at(2), "x");
    wait_for_blocked(0);
  }
}

TEST_F(Blocking, AWaitWhoseTimeIsUpWhenItsClientIsKilledEndsOnce) {
  for (int round = 0; round < 10; ++round) {
    Client victim = server_.connect(20s);
    const std::string id = std::to_string(id_of(victim));
    block(victim, {"BLPOP", "k", "0.05"});
    Client other = server_.connect();
    // The turn begins before the deadline and lasts beyond it.
    pipeline(other, {{"DEBUG", "SLEEP", "0.1"}, {"CLIENT", "KILL", "ID", id}, {"PING"}});
    wait_for_blocked(0);
  }
  EXPECT_EQ(server_.run("PING"), "PONG");
}

// --- the connection meanwhile

TEST_F(Blocking, CommandsBehindABlockingOneRunOnceItHasBeenServed) {
  Client client = server_.connect(20s);
  client.send(Args{"SET", "before", "1"});
  client.send(Args{"BLPOP", "k", "0"});
  client.send(Args{"SET", "behind", "1"});
  client.send(Args{"BLPOP", "k", "0"});
  client.send(Args{"GET", "behind"});
  client.flush();
  EXPECT_EQ(client.read(), "OK");
  wait_for_blocked(1);
  EXPECT_EQ(server_.run("EXISTS", "before", "behind"), "1");
  server_.run("RPUSH", "k", "x");
  EXPECT_EQ(client.read(), list({"k", "x"}));
  EXPECT_EQ(client.read(), "OK");
  wait_for_blocked(1);
  server_.run("RPUSH", "k", "y");
  EXPECT_EQ(client.read(), list({"k", "y"}));
  EXPECT_EQ(client.read(), "1");
}

TEST_F(Blocking, BytesThatArriveDuringTheWaitAreReadAfterIt) {
  Client client = blocked_in({"BLPOP", "k", "0"});
  for (int i = 0; i < 100; ++i) client.send(Args{"INCR", "n"});
  client.flush();
  server_.run("RPUSH", "k", "x");
  EXPECT_EQ(client.read(), list({"k", "x"}));
  for (int i = 1; i <= 100; ++i) EXPECT_EQ(client.read().integer(), i);
}

TEST_F(Blocking, AReplyThatWasNotWantedIsNotSent) {
  Client client = server_.connect(20s);
  client.send(Args{"CLIENT", "REPLY", "SKIP"});
  block(client, {"BLPOP", "k", "0"});
  server_.run("RPUSH", "k", "x");
  wait_for_blocked(0);
  EXPECT_EQ(client.run("PING"), "PONG");
  EXPECT_EQ(server_.run("LLEN", "k"), "0");

  const std::string id = std::to_string(id_of(client));
  client.send(Args{"CLIENT", "REPLY", "SKIP"});
  block(client, {"BLPOP", "k", "0"});
  server_.run("CLIENT", "UNBLOCK", id, "ERROR");
  EXPECT_EQ(client.run("ECHO", "next"), "next");
}

TEST_F(Blocking, ClientListShowsWhoWaits) {
  Client client = blocked_in({"BLPOP", "k", "0"});
  const Reply clients = server_.run("CLIENT", "LIST");
  EXPECT_TRUE(contains(clients.text, "flags=b"));
  EXPECT_TRUE(contains(clients.text, "cmd=blpop"));
}

TEST_F(Blocking, DuringAPauseNobodyIsServedAndAfterwardsEverybody) {
  Client client = blocked_in({"BLPOP", "k", "0"});
  Client other = server_.connect(20s);
  pipeline(other, {{"MULTI"}, {"RPUSH", "k", "x"}, {"CLIENT", "PAUSE", "300", "WRITE"}, {"EXEC"}});
  EXPECT_EQ(server_.info("blocked_clients"), "1");
  EXPECT_EQ(client.read(), list({"k", "x"}));
  EXPECT_EQ(server_.run("LLEN", "k"), "0");

  block(client, {"BLPOP", "k", "0.05"});
  other.run("CLIENT", "PAUSE", "2000", "WRITE");
  EXPECT_EQ(client.read(), nothing());  // it changes nothing
  other.run("CLIENT", "UNPAUSE");
}

// --- durability

TEST_F(Blocking, WhatServedAWaiterIsGoneAfterAKillToo) {
  std::vector<Client> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(blocked_in({"BLPOP", "k", "0"}));
  clients.push_back(blocked_in({"BLMOVE", "a", "b", "LEFT", "RIGHT", "0"}));
  server_.run("RPUSH", "k", "1", "2", "3");
  server_.run("RPUSH", "a", "m");
  for (std::size_t i = 0; i < 3; ++i) clients[i].read();
  EXPECT_EQ(clients[10].read(), "m");
  server_.kill9();
  EXPECT_THROW(clients[5].read(), ConnectionLost);
  server_.restart();
  EXPECT_EQ(server_.run("EXISTS", "k", "a"), "0");
  EXPECT_EQ(server_.run("LRANGE", "b", "0", "-1"), list({"m"}));
  EXPECT_EQ(server_.info("blocked_clients"), "0");
}

TEST_F(Blocking, ABlockedCommandCountsAsOneCall) {
  Client client = blocked_in({"BLPOP", "k", "0"});
  for (int i = 0; i < 3; ++i) server_.run("SET", "k", i), server_.run("DEL", "k");
  server_.run("RPUSH", "k", "x");
  client.read();
  EXPECT_TRUE(contains(server_.run("INFO", "commandstats").text, "cmdstat_blpop:calls=1,"));
}

}  // namespace
}  // namespace stele::test
