#include "protocol/memory_usage.h"

#include <gtest/gtest.h>

#include <vector>

namespace stele {
namespace {

TEST(MemoryUsageTest, RefreshSeesWhatWasAllocatedSince) {
  MemoryUsage usage;
  const std::vector<char> block(64 << 20, 'x');
  usage.refresh();
  EXPECT_GE(usage.now().rss, block.size());
  EXPECT_GE(usage.peak(), usage.now().allocated);
}

TEST(MemoryUsageTest, TheProcessIsSmallerThanTheMachine) {
  EXPECT_GT(read_memory_figures().rss, 0u);
  EXPECT_LT(read_memory_figures().rss, system_memory_bytes());
}

}  // namespace
}  // namespace stele
