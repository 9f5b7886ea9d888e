// Limits of a client: whoever oversteps one is told or closed, memory stays bounded, and the others do not notice.
#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMegabyte = 1024 * 1024;

class ClientLimits : public ::testing::Test {
 protected:
  /// The error that `bytes` are answered with; the connection is closed behind it.
  std::string protocol_error(std::string_view bytes) {
    Client client = server_.connect(10s);
    client.send_raw(bytes);
    const std::string text = client.read().text;
    EXPECT_TRUE(client.closed_by_server());
    return text;
  }

  Server server_;
};

TEST_F(ClientLimits, ABulkLongerThanProtoMaxBulkLenIsRefusedByItsAnnouncement) {
  server_.run("CONFIG", "SET", "proto-max-bulk-len", "1mb");
  EXPECT_EQ(protocol_error(fmt::format("*2\r\n$4\r\nECHO\r\n${}\r\n", kMegabyte + 1)),
            "ERR Protocol error: invalid bulk length");
  Client client = server_.connect();
  EXPECT_EQ(client.run("SET", "key", std::string(kMegabyte, 'x')), "OK");
  EXPECT_TRUE(client.run("APPEND", "key", "y").is_error());
}

TEST_F(ClientLimits, AnAnnouncedLengthTakesNoMemoryUntilItsBytesCome) {
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(server_.connect());
    clients.back().send_raw("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$500000000\r\nsome");
    clients.back().flush();
  }
  server_.wait_until([&] { return server_.info("connected_clients") == "21"; });
  EXPECT_LT(peak_memory_bytes(server_), 400 * kMegabyte);
}

TEST_F(ClientLimits, ATooLargeOrNegativeCountOfArgumentsIsRefused) {
  EXPECT_EQ(protocol_error("*2147483648\r\n"), "ERR Protocol error: invalid multibulk length");
  Client client = server_.connect();
  client.send_raw("*-1\r\n*0\r\nPING\r\n");
  EXPECT_EQ(client.read(), "PONG");
}

TEST_F(ClientLimits, AnInlineRequestWithoutANewlineEndsAfter64Kilobytes) {
  EXPECT_EQ(protocol_error(std::string(70'000, 'a')), "ERR Protocol error: too big inline request");
  EXPECT_EQ(protocol_error("*" + std::string(70'000, '1')), "ERR Protocol error: too big mbulk count string");
}

TEST_F(ClientLimits, AnUnfinishedRequestBeyondTheQueryBufferLimitClosesTheClient) {
  server_.run("CONFIG", "SET", "client-query-buffer-limit", "1mb");
  Client client = server_.connect(20s);
  try {
    client.send_raw("*2\r\n$4\r\nECHO\r\n$50000000\r\n" + std::string(3 * kMegabyte, 'x'));
    client.flush();
  } catch (const ConnectionLost&) {
  }
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_EQ(server_.info("client_query_buffer_limit_disconnections"), "1");
}

TEST_F(ClientLimits, ATransactionBeyondTheQueryBufferLimitClosesTheClient) {
  server_.run("CONFIG", "SET", "client-query-buffer-limit", "1mb");
  Client client = server_.connect(20s);
  client.run("MULTI");
  bool closed = false;
  try {
    for (int i = 0; i < 100; ++i) client.run("SET", fmt::format("key:{}", i), std::string(50'000, 'x'));
  } catch (const ConnectionLost&) {
    closed = true;
  }
  EXPECT_TRUE(closed);
  EXPECT_EQ(server_.run("DBSIZE"), "0");
}

TEST_F(ClientLimits, AReaderThatNeverReadsIsClosedAtTheHardLimitOfItsOutput) {
  server_.run("CONFIG", "SET", "client-output-buffer-limit", "normal 8mb 0 0");
  server_.run("SET", "large", std::string(kMegabyte, 'x'));
  Client client = server_.connect(20s);
  const std::uint64_t before = peak_memory_bytes(server_);
  // One packet that asks for 2 GB.
  for (int i = 0; i < 2000; ++i) client.send_raw("GET large\r\n");
  client.flush();
  server_.wait_until([&] { return server_.info("client_output_buffer_limit_disconnections") == "1"; });
  EXPECT_LT(peak_memory_bytes(server_), before + 100 * kMegabyte);
  EXPECT_EQ(server_.run("PING"), "PONG");
}

TEST_F(ClientLimits, AReaderBehindTheSoftLimitIsClosedOnceItsTimeIsUp) {
  server_.run("CONFIG", "SET", "client-output-buffer-limit", "normal 0 1mb 1");
  server_.run("SET", "large", std::string(kMegabyte, 'x'));
  Client client = server_.connect(20s);
  for (int i = 0; i < 20; ++i) client.send_raw("GET large\r\n");
  client.flush();
  server_.wait_until([&] { return server_.info("client_output_buffer_limit_disconnections") == "1"; });
}

TEST_F(ClientLimits, AReaderIsBehindTheSoftLimitForSoManyWholeSecondsOfTheClock) {
  server_.run("CONFIG", "SET", "client-output-buffer-limit", "normal 0 1mb 1");
  server_.run("SET", "large", std::string(kMegabyte, 'x'));
  Client client = server_.connect(20s);
  for (int i = 0; i < 20; ++i) client.send_raw("GET large\r\n");
  // Shortly after a second began: so the one that counts in full is not the one that is under way.
  using std::chrono::steady_clock;
  const auto into_second = [] { return steady_clock::now().time_since_epoch() % 1s; };
  ASSERT_TRUE(wait_until([&] { return into_second() < 200ms; }, 5s));
  const auto began = steady_clock::now();
  client.flush();
  server_.wait_until([&] { return server_.info("client_output_buffer_limit_disconnections") == "1"; });
  const auto took = steady_clock::now() - began;
  EXPECT_GE(took, 1700ms);
  EXPECT_LT(took, 10s);
}

TEST_F(ClientLimits, AReaderThatCatchesUpInTimeStartsAnewWithTheSoftLimit) {
  server_.run("CONFIG", "SET", "client-output-buffer-limit", "normal 0 1mb 2");
  server_.run("SET", "large", std::string(kMegabyte, 'x'));
  Client client = server_.connect(20s);
  // All in all it is behind for longer than it may be at once.
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 10; ++i) client.send_raw("GET large\r\n");
    client.flush();
    std::this_thread::sleep_for(1s);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(client.read().text.size(), kMegabyte);
    EXPECT_EQ(client.run("PING"), "PONG");
  }
  EXPECT_EQ(server_.info("client_output_buffer_limit_disconnections"), "0");
}

TEST_F(ClientLimits, ARestingClientGivesBackTheRoomOfItsLargeCommandsAndReplies) {
  Client client = server_.connect(20s);
  const std::int64_t id = client.run("CLIENT", "ID").integer();
  const auto bytes = [&] {
    const std::string line = server_.run("CLIENT", "LIST", "ID", id).text;
    const std::size_t at = line.find(" tot-mem=");
    EXPECT_NE(at, line.npos);
    return std::stoull(line.substr(at + 9));
  };
  const std::uint64_t before = bytes();
  EXPECT_EQ(client.run("SET", "large", std::string(4 * kMegabyte, 'x')), "OK");
  EXPECT_EQ(client.run("GET", "large").text.size(), 4 * kMegabyte);
  std::vector<std::string> many(100'000, "key");
  many[0] = "EXISTS";
  EXPECT_EQ(client.run_arguments(many), "0");
  server_.wait_until([&] { return bytes() < before + 4096; });
  EXPECT_EQ(client.run("STRLEN", "large").integer(), static_cast<std::int64_t>(4 * kMegabyte));
}

TEST_F(ClientLimits, TheArgumentsOfAnUnfinishedCommandCountAsItsClientsMemory) {
  Client client = server_.connect(20s);
  const std::int64_t id = client.run("CLIENT", "ID").integer();
  std::string half = "*200001\r\n$6\r\nEXISTS\r\n";
  for (int i = 0; i < 100'000; ++i) half += "$3\r\nkey\r\n";
  client.send_raw(half);
  client.flush();
  server_.wait_until([&] {
    const std::string line = server_.run("CLIENT", "LIST", "ID", id).text;
    // A word of text takes nine bytes on the wire, and two machine words to know where it is.
    return std::stoull(line.substr(line.find(" tot-mem=") + 9)) >= half.size() + 100'000 * 2 * sizeof(void*);
  });
}

TEST_F(ClientLimits, OneMoreThanMaxclientsIsToldSoAndClosed) {
  server_.run("CONFIG", "SET", "maxclients", 5);
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(server_.connect());
    EXPECT_EQ(clients.back().run("PING"), "PONG");
  }
  Client refused = server_.connect(10s);
  EXPECT_EQ(refused.read(), error("ERR max number of clients reached"));
  EXPECT_TRUE(refused.closed_by_server());
  clients.pop_back();
  server_.wait_until([&] { return server_.info("connected_clients") == "4"; });
  EXPECT_EQ(server_.connect().run("PING"), "PONG");
}

TEST_F(ClientLimits, AnIdleClientIsClosedAfterItsTimeoutAndABusyOneIsNot) {
  server_.run("CONFIG", "SET", "timeout", 1);
  Client idle = server_.connect(20s);
  EXPECT_EQ(idle.run("PING"), "PONG");
  server_.wait_until([&] { return server_.info("connected_clients") == "1"; });
  EXPECT_TRUE(idle.closed_by_server());
  EXPECT_EQ(server_.run("PING"), "PONG");
}

}  // namespace
}  // namespace stele::test
