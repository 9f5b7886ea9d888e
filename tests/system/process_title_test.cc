// What ps shows of the server.
#include <fmt/format.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

/// The command line as the kernel has it, to its first NUL.
std::string title_of(const Server& server) {
  const std::string whole = read_file(fmt::format("/proc/{}/cmdline", server.pid()));
  return whole.substr(0, whole.find('\0'));
}

TEST(ProcessTitle, ShowsWhereTheServerListens) {
  Server server{"--bind", "127.0.0.1"};
  const std::string title = title_of(server);
  EXPECT_TRUE(title.ends_with(fmt::format("stele-server 127.0.0.1:{}", server.port()))) << title;
}

TEST(ProcessTitle, FollowsItsTemplateAndFitsIntoItsRoom) {
  Server server{"--bind", "127.0.0.1"};
  EXPECT_EQ(server.run("CONFIG", "SET", "proc-title-template", "one {port} {tls-port}{unixsocket}{server-mode}  "),
            "OK");
  EXPECT_EQ(title_of(server), fmt::format("one {} 0", server.port()));
  EXPECT_EQ(server.run("CONFIG", "SET", "proc-title-template", std::string(100'000, 'x')), "OK");
  EXPECT_EQ(title_of(server).find_first_not_of('x'), std::string::npos);
  EXPECT_EQ(server.run("CONFIG", "SET", "proc-title-template", "short"), "OK");
  EXPECT_EQ(title_of(server), "short");
  EXPECT_TRUE(server.run("CONFIG", "SET", "proc-title-template", "{nothing}").is_error());
  EXPECT_EQ(title_of(server), "short");
}

TEST(ProcessTitle, IsLeftAloneIfToldSo) {
  Server server{"--set-proc-title", "no"};
  EXPECT_EQ(title_of(server), server.program().name);
}

}  // namespace
}  // namespace stele::test
