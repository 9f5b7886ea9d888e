#include <unistd.h>

#include "tests/protocol/config_test_support.h"

// conf/stele.conf, which must not say anything that is not so.

namespace stele {
namespace {

std::string shipped_file() {
  return STELE_SOURCE_DIR "/conf/stele.conf";
}

TEST(ShippedConfig, StatesTheDefaultsAndNothingWithoutEffect) {
  const Result<LoadedConfig> loaded = test::load({shipped_file()});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_TRUE(loaded->without_effect.empty());
  for (const Directive& directive : directives()) {
    EXPECT_EQ(config_value(directive, loaded->config), config_default(directive)) << directive.name;
  }
}

TEST(ShippedConfig, SaysOfEachDirectiveWhetherItIsTakenLive) {
  std::ifstream file(shipped_file());
  ASSERT_TRUE(file);
  std::string comment;
  int checked = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) comment.clear();
    if (line.starts_with('#')) comment += line + "\n";
    const Directive* directive = find_directive(line.substr(0, line.find(' ')));
    if (directive == nullptr) continue;

    const bool live = comment.find("[live") != std::string::npos;
    const bool start = comment.find("[start]") != std::string::npos;
    EXPECT_TRUE(live || start) << line;
    if (live != start) {
      EXPECT_EQ(live, (directive->flags & kConfigImmutable) == 0) << line;
      ++checked;
    }
  }
  EXPECT_GT(checked, 60);
}

TEST(ShippedConfig, LeavesTheDirectoryToTheCommandLine) {
  const test::ConfigDirectory directory;
  const Result<LoadedConfig> loaded = test::load({shipped_file(), "--dir", directory.path("")});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->config.dir + "/", directory.path(""));
}

TEST(ConfigFile, TheFileThatComesWithRedisIsTaken) {
  const std::string file = "/usr/share/doc/redis-server/examples/redis.conf";
  for (const std::string& candidate : {std::string("/etc/redis/redis.conf"), file}) {
    if (::access(candidate.c_str(), R_OK) != 0) continue;
    std::ostringstream text;
    text << std::ifstream(candidate).rdbuf();
    // Its directory need not exist here.
    std::string changed = text.str();
    if (const std::size_t at = changed.find("\ndir "); at != std::string::npos) changed.insert(at + 1, "# ");
    EXPECT_EQ(test::parsed(changed).pidfile, "/run/redis/redis-server.pid");
    return;
  }
  GTEST_SKIP() << "no redis.conf on this machine";
}

}  // namespace
}  // namespace stele
