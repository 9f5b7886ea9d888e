#include <gtest/gtest.h>

#include "tests/support/server.h"

namespace stele::test {
namespace {

// Each start replays from the last checkpoint: whatever that names has to stay until there is a newer one.
TEST(Recovery, AFlushThatWasReplayedLeavesWhatTheNextReplayNeeds) {
  Server server{"--warm-up", "no"};
  server.run("SET", "old", "1");
  server.run("SAVE");
  server.run("RENAME", "old", "new");
  server.run("FLUSHDB");
  server.run("SET", "after", "2");

  for (int start = 0; start < 3; ++start) {
    server.kill9();
    server.restart();
    EXPECT_EQ(server.run("GET", "after"), "2");
    EXPECT_EQ(server.run("DBSIZE").integer(), 1);
  }
}

}  // namespace
}  // namespace stele::test
