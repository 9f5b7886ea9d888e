#include <gtest/gtest.h>

#include "tests/system/system_fixture.h"

namespace stele::test {
namespace {

constexpr int kKeys = 50'000;

// Objects beyond the limit go to the store and come back when they are asked for; no key is lost or counted twice.
TEST(ResidentMemory, BoundsTheObjectsInMemoryAndLosesNoKey) {
  Server server{"--resident-memory", "40mb", "--checkpoint-journal-bytes", "4mb"};
  Client client = server.connect();
  for (int from = 0; from < kKeys; from += 500) {
    std::vector<std::vector<std::string>> commands;
    for (int i = from; i < from + 500; ++i) {
      commands.push_back({"SET", "key:" + std::to_string(i), std::to_string(i) + std::string(1000, 'v')});
    }
    pipeline(client, commands);
  }

  // 50,000 objects of more than 1,000 bytes are 60 MB.
  server.wait_until([&] { return std::stoull(server.info("used_memory")) < 45'000'000; });
  EXPECT_EQ(server.run("DBSIZE").integer(), kKeys);
  for (int i = 0; i < kKeys; i += 29) {
    EXPECT_EQ(server.run("GET", "key:" + std::to_string(i)), std::to_string(i) + std::string(1000, 'v'));
  }
  EXPECT_EQ(server.run("DBSIZE").integer(), kKeys);
}

TEST(ResidentMemory, LeavesTheStateAsItWasAcrossAKill) {
  Server server{"--resident-memory", "30mb", "--checkpoint-journal-bytes", "1mb"};
  Client client = server.connect();
  for (int round = 0; round < 20; ++round) {
    std::vector<std::vector<std::string>> commands;
    for (int i = 0; i < 2000; ++i) {
      const std::string key = "key:" + std::to_string((round * 7919 + i * 31) % 20'000);
      if (i % 5 == 0) {
        commands.push_back({"DEL", key});
      } else if (i % 5 == 1) {
        commands.push_back({"APPEND", key, std::string(500, 'a')});
      } else {
        commands.push_back({"SET", key, std::string(1000, 's'), "PX", "10000000"});
      }
    }
    pipeline(client, commands);
  }
  const Reply digest = server.run("DEBUG", "DIGEST");
  const Reply size = server.run("DBSIZE");

  server.kill9();
  server.restart();

  EXPECT_EQ(server.run("DEBUG", "DIGEST"), digest);
  EXPECT_EQ(server.run("DBSIZE"), size);
}

}  // namespace
}  // namespace stele::test
