// Who gets in, and by which door: passwords, protected mode, addresses, unix sockets, renamed commands, CONFIG REWRITE.
#include <sys/stat.h>

#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

// The fixture itself asks for INFO without a password, so it starts without one.
class Password : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(server_.run("CONFIG", "SET", "requirepass", "sesame"), "OK"); }
  Server server_;
};

TEST_F(Password, WithoutItEveryCommandIsRefused) {
  Client client = server_.connect();
  EXPECT_EQ(client.run("GET", "key"), error("NOAUTH Authentication required."));
  EXPECT_EQ(client.run("CONFIG", "GET", "*"), error("NOAUTH Authentication required."));
  EXPECT_TRUE(client.run("HELLO", "3").text.starts_with("NOAUTH HELLO must be called")) << "HELLO";
  EXPECT_EQ(client.run("QUIT"), "OK");
}

TEST_F(Password, AWrongOneIsRefusedAndTheRightOneAccepted) {
  Client client = server_.connect();
  const Reply wrong = error("WRONGPASS invalid username-password pair or user is disabled.");
  EXPECT_EQ(client.run("AUTH", "sesam"), wrong);
  EXPECT_EQ(client.run("AUTH", "sesame2"), wrong);
  EXPECT_EQ(client.run("AUTH", ""), wrong);
  EXPECT_EQ(client.run("AUTH", "nobody", "sesame"), wrong);
  EXPECT_EQ(client.run("GET", "key"), error("NOAUTH Authentication required."));
  EXPECT_EQ(client.run("AUTH", "default", "sesame"), "OK");
  EXPECT_TRUE(client.run("GET", "key").null);
}

TEST_F(Password, HelloAuthenticatesAndChoosesTheProtocol) {
  Client client = server_.connect();
  EXPECT_TRUE(client.run("HELLO", 3, "AUTH", "default", "wrong").is_error());
  EXPECT_EQ(client.run("HELLO", 3, "AUTH", "default", "sesame", "SETNAME", "me").type, '%');
  EXPECT_EQ(client.run("CLIENT", "GETNAME"), "me");
  EXPECT_EQ(client.run("GET", "key").type, '_');
}

TEST_F(Password, ResetForgetsWhoTheClientIs) {
  Client client = server_.connect();
  client.run("AUTH", "sesame");
  EXPECT_EQ(client.run("RESET"), "RESET");
  EXPECT_EQ(client.run("GET", "key"), error("NOAUTH Authentication required."));
}

TEST_F(Password, AStrangerMayNotAnnounceLargeRequests) {
  for (const std::string request : {"*11\r\n", "*1\r\n$16385\r\n"}) {
    Client client = server_.connect(std::chrono::seconds(10));
    client.send_raw(request);
    EXPECT_TRUE(client.read().text.starts_with("ERR Protocol error: unauthenticated")) << request;
    EXPECT_TRUE(client.closed_by_server());
  }
  Client known = server_.connect();
  known.run("AUTH", "sesame");
  EXPECT_EQ(known.run("SET", "key", std::string(20'000, 'x')), "OK");
}

TEST_F(Password, PasswordsAreNeitherMonitoredNorInTheSlowLog) {
  server_.run("CONFIG", "SET", "slowlog-log-slower-than", 0);
  Client monitor = server_.connect();
  monitor.run("AUTH", "sesame");
  EXPECT_EQ(monitor.run("MONITOR"), "OK");
  Client client = server_.connect();
  client.run("AUTH", "sesame");
  client.run("HELLO", 3, "AUTH", "default", "sesame");
  client.run("AUTH", "sesame-mistyped");
  client.run("CONFIG", "SET", "masterauth", "sesame-too");
  client.run("ECHO", "the end");
  std::string seen;
  while (seen.find("the end") == std::string::npos) seen += monitor.read().text + "\n";
  EXPECT_EQ(seen.find("sesame"), std::string::npos) << seen;
  const std::string slow = describe(client.run("SLOWLOG", "GET", 100));
  EXPECT_EQ(slow.find("sesame"), std::string::npos) << slow;
}

TEST(ProtectedMode, RefusesOtherMachinesUntilThereIsAPasswordOrItIsOff) {
  if (!is_root() || run_program("unshare", {"-n", "true"}).exit_code != 0) {
    GTEST_SKIP() << "needs a network namespace of its own, so root";
  }
  const TemporaryDirectory directory;
  // An address that is not loopback, on a machine of its own without a network.
  const Outcome outcome = run_program(
      "unshare",
      {"-n", "sh", "-c",
       "ip link set lo up; ip address add 192.0.2.7/32 dev lo\n"
       "\"$0\" --bind '*' --port 7777 --dir \"$1\" > \"$1/log\" & server=$!\n"
       "tries=0; until redis-cli -p 7777 ping > /dev/null 2>&1 || [ $tries -gt 300 ]; do sleep 0.05; tries=$((tries+1)); done\n"
       "echo protected: $(redis-cli -h 192.0.2.7 -p 7777 ping 2>&1)\n"
       "redis-cli -p 7777 config set protected-mode no\n"
       "echo open: $(redis-cli -h 192.0.2.7 -p 7777 ping 2>&1)\n"
       "redis-cli -p 7777 config set protected-mode yes requirepass x\n"
       "echo with a password: $(redis-cli -h 192.0.2.7 -p 7777 -a x ping 2>/dev/null)\n"
       "kill $server; wait $server\n",
       stele_program().path, directory.path()},
      {}, std::chrono::seconds(60));
  EXPECT_TRUE(contains(outcome.output, "protected: DENIED ")) << outcome.output;
  EXPECT_TRUE(contains(outcome.output, "open: PONG"));
  EXPECT_TRUE(contains(outcome.output, "with a password: PONG"));
}

TEST(Addresses, TheServerListensOnSeveralIpv6Included) {
  Server server{"--bind", "127.0.0.1 ::1 -192.0.2.99"};
  const std::string port = std::to_string(server.port());
  EXPECT_EQ(run_program("redis-cli", {"-h", "::1", "-p", port, "PING"}).output, "PONG\n");
  EXPECT_EQ(run_program("redis-cli", {"-h", "127.0.0.1", "-p", port, "PING"}).output, "PONG\n");
  const std::string list = run_program("redis-cli", {"-h", "::1", "-p", port, "CLIENT", "LIST"}).output;
  EXPECT_TRUE(contains(list, "addr=[::1]:"));
}

TEST(Addresses, BindChangesWhileTheServerRunsAndKeepsWhatItCannotReplace) {
  Server server;
  const std::string port = std::to_string(server.port());
  EXPECT_EQ(server.run("CONFIG", "SET", "bind", "127.0.0.1 ::1"), "OK");
  EXPECT_EQ(run_program("redis-cli", {"-h", "::1", "-p", port, "PING"}).output, "PONG\n");
  EXPECT_TRUE(server.run("CONFIG", "SET", "bind", "192.0.2.99").is_error());
  EXPECT_EQ(server.run("CONFIG", "GET", "bind").elements[1], "127.0.0.1 ::1");
  EXPECT_EQ(server.connect().run("PING"), "PONG");
  EXPECT_EQ(server.run("CONFIG", "SET", "bind", "127.0.0.1"), "OK");
  EXPECT_EQ(server.connect().run("PING"), "PONG");
  EXPECT_NE(run_program("redis-cli", {"-h", "::1", "-p", port, "PING"}).output, "PONG\n");
}

TEST(UnixSocket, HasThePermissionsItWasGivenAndGoesWithTheServer) {
  const TemporaryDirectory directory;
  const std::filesystem::path socket = directory.path() / "socket";
  Server server{"--unixsocket", socket, "--unixsocketperm", "770"};
  struct stat status {};
  ASSERT_EQ(::stat(socket.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777U, 0770U);
  EXPECT_EQ(Client::unix_socket(socket).run("SET", "key", "value"), "OK");
  server.terminate();
  EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST(UnixSocket, OneThatAKilledServerLeftBehindIsReplaced) {
  const TemporaryDirectory directory;
  const std::filesystem::path socket = directory.path() / "socket";
  Server server{"--unixsocket", socket};
  server.kill9();
  EXPECT_TRUE(std::filesystem::exists(socket));
  server.restart();
  EXPECT_EQ(Client::unix_socket(socket).run("PING"), "PONG");
}

TEST(RenamedCommands, AnswerToTheNewNameOnlyAndSurviveInTheJournal) {
  Server server{"--rename-command", "SET", "put-it", "--rename-command", "FLUSHALL", ""};
  EXPECT_TRUE(server.run("SET", "key", "value").text.starts_with("ERR unknown command 'SET'"));
  EXPECT_TRUE(server.run("FLUSHALL").text.starts_with("ERR unknown command 'FLUSHALL'"));
  EXPECT_EQ(server.run("PUT-IT", "key", "value", "EX", 1000), "OK");
  EXPECT_EQ(server.run("PUT-IT", "other", "2"), "OK");
  const std::string digest = server.run("DEBUG", "DIGEST").text;
  server.kill9();
  server.restart();
  EXPECT_EQ(server.run("DEBUG", "DIGEST"), digest);
}

TEST(ConfigRewrite, KeepsCommentsAndWhatWasSetLiveIsThereAfterARestart) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "stele.conf";
  const std::filesystem::path socket = directory.path() / "socket";
  write_file(file, fmt::format("# kept\nport 0\nunixsocket {}\ndir {}\nmaxclients 5000\n", socket.native(),
                               directory.path().native()));
  serve(file, socket, [](Client& client) {
    EXPECT_EQ(client.run("CONFIG", "SET", "maxclients", 4321, "appendfsync", "always", "requirepass", "a \"b\" c"), "OK");
    EXPECT_EQ(client.run("CONFIG", "REWRITE"), "OK");
  });
  EXPECT_TRUE(contains(read_file(file), "# kept\n"));
  serve(file, socket, [](Client& client) {
    EXPECT_EQ(client.run("AUTH", "a \"b\" c"), "OK");
    EXPECT_EQ(client.run("CONFIG", "GET", "maxclients").elements[1], "4321");
    EXPECT_EQ(client.run("CONFIG", "GET", "appendfsync").elements[1], "always");
  });
}

}  // namespace
}  // namespace stele::test
