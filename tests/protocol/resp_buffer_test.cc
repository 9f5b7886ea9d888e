#include "protocol/resp_buffer.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace stele {
namespace {

TEST(OutputBuffer, HoldsWhatWasAppendedInOrder) {
  OutputBuffer buffer;
  buffer.append("ab", 2);
  buffer.append(std::string_view("cd"));
  buffer.push('e');
  std::memcpy(buffer.reserve(10), "fg", 2);
  buffer.advance(2);
  EXPECT_EQ(buffer.view(), "abcdefg");
  EXPECT_GE(buffer.capacity(), 7U);
}

TEST(OutputBuffer, TakesNothingFromNowhere) {
  OutputBuffer buffer;
  buffer.append(nullptr, 0);
  buffer.append(std::string_view());
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.view(), "");
}

TEST(OutputBuffer, AgreesWithAStringUnderRandomUse) {
  std::mt19937 random(1);
  OutputBuffer buffer;
  std::string expected;
  for (int step = 0; step < 20000; ++step) {
    const std::string bytes(random() % 300, static_cast<char>('a' + step % 26));
    switch (random() % 4) {
      case 0:
        buffer.append(bytes);
        expected += bytes;
        break;
      case 1:
        buffer.push('x');
        expected.push_back('x');
        break;
      case 2: {
        const std::size_t n = std::min<std::size_t>(expected.size(), random() % 320);
        buffer.consume(n);
        expected.erase(0, n);
        break;
      }
      default:
        if (random() % 20 == 0) buffer.shrink(random() % 4000);
    }
    ASSERT_EQ(buffer.view(), expected) << "step " << step;
  }
}

TEST(OutputBuffer, DoesNotGrowWhileItIsDrainedAsFastAsItIsFilled) {
  OutputBuffer buffer;
  buffer.append(std::string(100, 'x'));
  for (int i = 0; i < 10000; ++i) {
    buffer.append(std::string(100, 'y'));
    buffer.consume(100);
  }
  EXPECT_LE(buffer.capacity(), 1024U);
}

TEST(OutputBuffer, GivesMemoryBackButKeepsItsBytes) {
  OutputBuffer buffer;
  buffer.append(std::string(1 << 20, 'x'));
  buffer.consume((1 << 20) - 10);
  buffer.shrink(4096);
  EXPECT_EQ(buffer.capacity(), 4096U);
  EXPECT_EQ(buffer.view(), "xxxxxxxxxx");

  buffer.clear();
  buffer.shrink(0);
  EXPECT_EQ(buffer.capacity(), 0U);
}

TEST(OutputBuffer, KeepsItsBlockWhileItsBytesNeedIt) {
  OutputBuffer buffer;
  buffer.append(std::string(5000, 'x'));
  const std::size_t before = buffer.capacity();
  buffer.shrink(4096);
  EXPECT_EQ(buffer.capacity(), before);
}

TEST(OutputBuffer, MovesWithoutCopying) {
  OutputBuffer from;
  from.append(std::string_view("bytes"));
  const char* const at = from.data();
  OutputBuffer to = std::move(from);
  EXPECT_EQ(to.data(), at);
  EXPECT_EQ(to.view(), "bytes");
  OutputBuffer assigned;
  assigned.append(std::string_view("dropped"));
  assigned = std::move(to);
  EXPECT_EQ(assigned.view(), "bytes");
}

}  // namespace
}  // namespace stele
