// A server that cannot start says why and what to do, exits non-zero, and leaves everything as it was.
#include <sys/stat.h>

#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

TEST(BadStart, AMalformedValueInTheFileIsReportedWithFileAndLine) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "stele.conf";
  write_file(file, fmt::format("# a comment\nport 0\ndir {}\nmaxclients lots\n", directory.path().native()));
  const Outcome outcome = failed_start({file});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, "line 4 of " + file.native()));
  EXPECT_TRUE(contains(outcome.output, ">>> 'maxclients lots'"));
}

TEST(BadStart, AnUnknownDirectiveIsReportedWithFileAndLine) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "stele.conf";
  write_file(file, "port 0\nnosuch-directive yes\n");
  const Outcome outcome = failed_start({file});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, "line 2 of " + file.native()));
  EXPECT_TRUE(contains(outcome.output, "Bad directive or wrong number of arguments"));
}

TEST(BadStart, AnUnbalancedQuoteIsReportedWithFileAndLine) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "stele.conf";
  write_file(file, "port 0\n\nrequirepass \"secret\n");
  const Outcome outcome = failed_start({file});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, "line 3 of " + file.native()));
}

TEST(BadStart, AMissingConfigurationFileIsNamed) {
  const Outcome outcome = failed_start({"/nonexistent/stele.conf"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, "/nonexistent/stele.conf"));
}

TEST(BadStart, AMissingDataDirectoryIsNamed) {
  const Outcome outcome = failed_start({"--port", "0", "--dir", "/nonexistent/data"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, "/nonexistent/data"));
  EXPECT_TRUE(contains(outcome.output, "No such file or directory"));
}

TEST(BadStart, ADataDirectoryThatCannotBeWrittenIsNamed) {
  // /proc refuses new files to root as well.
  const Outcome outcome = failed_start({"--port", "0", "--dir", "/proc"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, "/proc"));
}

TEST(BadStart, AModuleIsRefusedInsteadOfIgnored) {
  const TemporaryDirectory directory;
  const Outcome outcome = failed_start({"--port", "0", "--dir", directory.path(), "--loadmodule", "/tmp/module.so"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, "loadmodule"));
}

class BadStartBeside : public ::testing::Test {
 protected:
  Server first_;
};

TEST_F(BadStartBeside, APortInUseIsReportedBeforeAnythingIsWritten) {
  const TemporaryDirectory directory;
  const Outcome outcome =
      failed_start({"--bind", "127.0.0.1", "--port", std::to_string(first_.port()), "--dir", directory.path()});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, fmt::format("Could not create server TCP listening socket 127.0.0.1:{}: bind: "
                                                   "Address already in use",
                                                   first_.port())));
  EXPECT_TRUE(contains(outcome.output, fmt::format("Failed listening on port {}", first_.port())));
  EXPECT_TRUE(files_in(directory.path()).empty());
}

TEST_F(BadStartBeside, AnOptionalAddressForgivesThatItIsMissingButNotThatItIsInUse) {
  const TemporaryDirectory directory;
  const Outcome outcome = failed_start(
      {"--bind", "127.0.0.1 -127.0.0.1", "--port", std::to_string(first_.port()), "--dir", directory.path()});
  EXPECT_EQ(outcome.exit_code, 1);
  const Outcome only_optional =
      failed_start({"--bind", "-127.0.0.1", "--port", std::to_string(first_.port()), "--dir", directory.path()});
  EXPECT_EQ(only_optional.exit_code, 1);
  EXPECT_TRUE(contains(only_optional.output, "Address already in use"));
}

TEST_F(BadStartBeside, ASecondServerOnTheDirectoryNamesTheProcessAndTheFirstGoesOn) {
  first_.run("SET", "key", "value");
  const Outcome outcome = failed_start({"--port", "0", "--dir", first_.directory()});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_TRUE(contains(outcome.output, fmt::format("in use by process {}", first_.pid())));
  EXPECT_EQ(first_.run("SET", "key", "again"), "OK");
  first_.kill9();
  first_.restart();
  EXPECT_EQ(first_.run("GET", "key"), "again");
}

TEST_F(BadStartBeside, ASecondServerDoesNotTakeTheFirstOnesUnixSocketAway) {
  const TemporaryDirectory directory;
  const std::filesystem::path socket = directory.path() / "socket";
  first_.restart({"--unixsocket", socket});
  const Outcome outcome = failed_start({"--port", "0", "--dir", first_.directory(), "--unixsocket", socket});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(Client::unix_socket(socket).run("PING"), "PONG");
}

}  // namespace
}  // namespace stele::test
