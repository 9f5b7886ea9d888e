#include "tests/engine/engine_fixture.h"

namespace stele::test {
namespace {

class DumpTest : public EngineTest {
 protected:
  DumpTest() {
    registry().add(string_commands());
    registry().add(generic_commands());
  }

  /// The payload of a DUMP reply.
  std::string dumped(std::string_view key) {
    const std::string reply = run("DUMP", key);
    const std::size_t begin = reply.find(' ');
    return begin == std::string::npos ? reply : reply.substr(begin + 1);
  }
};

TEST_F(DumpTest, OfAMissingKeyIsNull) { EXPECT_EQ(run("DUMP", "k"), "$-1"); }

TEST_F(DumpTest, RestoresTheSameValueWithItsTtl) {
  run("SET", "k", "hello");
  const std::string payload = dumped("k");
  EXPECT_EQ(run("RESTORE", "copy", "0", payload), "+OK");
  EXPECT_EQ(run("GET", "copy"), "$5 hello");
  EXPECT_EQ(run("RESTORE", "copy", "5000", payload), "-BUSYKEY Target key name already exists.");
  EXPECT_EQ(run("RESTORE", "copy", "5000", payload, "REPLACE"), "+OK");
  EXPECT_EQ(run("PTTL", "copy"), ":5000");
  EXPECT_EQ(run("RESTORE", "copy", "1", payload, "REPLACE", "ABSTTL"), "+OK");
  EXPECT_EQ(effects(), "DEL copy");
  EXPECT_EQ(run("EXISTS", "copy"), ":0");
}

TEST_F(DumpTest, AWrongChecksumThatIsNotCheckedIsRightInTheEffect) {
  run("SET", "k", "hello");
  const std::string payload = dumped("k");
  std::string damaged = payload;
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  EXPECT_EQ(run("RESTORE", "copy", "0", damaged), "-ERR DUMP payload version or checksum are wrong");
  keyspace().set_checks_payload_sums(false);
  EXPECT_EQ(run("RESTORE", "copy", "0", damaged), "+OK");
  EXPECT_EQ(effects(), "RESTORE copy 0 " + payload);
  EXPECT_EQ(run("GET", "copy"), "$5 hello");
  EXPECT_EQ(run("RESTORE", "other", "0", "short"), "-ERR DUMP payload version or checksum are wrong");
  keyspace().set_checks_payload_sums(true);
  EXPECT_EQ(run("RESTORE", "other", "0", damaged), "-ERR DUMP payload version or checksum are wrong");
}

TEST_F(DumpTest, RefusesWhatIsNotAWholePayload) {
  run("SET", "k", "hello");
  const std::string payload = dumped("k");
  for (std::size_t i = 0; i < payload.size(); ++i) {
    std::string damaged = payload;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    EXPECT_EQ(run("RESTORE", "copy", "0", damaged), "-ERR DUMP payload version or checksum are wrong");
  }
  EXPECT_EQ(run("RESTORE", "copy", "0", ""), "-ERR DUMP payload version or checksum are wrong");
  EXPECT_EQ(run("RESTORE", "copy", "-1", payload), "-ERR Invalid TTL value, must be >= 0");
  EXPECT_EQ(run("RESTORE", "copy", "0", payload, "FREQ", "256"), "-ERR Invalid FREQ value, must be >= 0 and <= 255");
  EXPECT_EQ(run("EXISTS", "copy"), ":0");
}

}  // namespace
}  // namespace stele::test
