#include "engine/hyperloglog/hyperloglog.h"
#include "tests/engine/engine_fixture.h"

namespace stele::test {
namespace {

class HyperLogLogCommands : public EngineTest {
 protected:
  HyperLogLogCommands() { registry().add(string_commands()), registry().add(hyperloglog_commands()); }

  std::string bytes(std::string_view key) {
    const Item item = keyspace().find(db(), key);
    return item ? std::string(item.entry->inline_value()) : std::string();
  }
};

TEST(HyperLogLog, HashIsMurmurHash64A) {
  EXPECT_EQ(hll::murmur_hash_64a("a", 0xadc83b19), 0x53d2470a9b43b1a7u);
  EXPECT_EQ(hll::murmur_hash_64a("hello world, this is it", 0xadc83b19), 0xf99e4707678ed55du);
}

TEST(HyperLogLog, SparseAndDenseHoldTheSameRegisters) {
  std::string sparse = hll::empty();
  std::string dense = *hll::to_dense(sparse);
  for (int i = 0; i < 5'000; ++i) {
    const hll::Element element = hll::element_of(std::to_string(i));
    const bool raised = hll::raise_dense(dense, element);
    ASSERT_EQ(hll::raise(sparse, element, 3000), raised ? hll::Raised::yes : hll::Raised::no);
    if (i % 500 == 0) {
      hll::Registers from_sparse{}, from_dense{};
      ASSERT_TRUE(hll::merge(from_sparse, sparse));
      ASSERT_TRUE(hll::merge(from_dense, dense));
      ASSERT_EQ(from_sparse, from_dense);
    }
  }
  EXPECT_TRUE(hll::is_dense(sparse));
}

TEST(HyperLogLog, EveryCutOfASparseValueIsNoticed) {
  std::string value = hll::empty();
  for (int i = 0; i < 100; ++i) hll::raise(value, hll::element_of(std::to_string(i)), 3000);
  ASSERT_TRUE(hll::estimate(value));
  for (std::size_t bytes = hll::kHeaderBytes; bytes < value.size(); ++bytes) {
    EXPECT_FALSE(hll::estimate(value.substr(0, bytes)));
    EXPECT_FALSE(hll::to_dense(value.substr(0, bytes)));
  }
  EXPECT_FALSE(hll::estimate(value + '\x80'));
}

TEST_F(HyperLogLogCommands, PfcountKeepsItsEstimateAndSaysSoInTheStream) {
  EXPECT_EQ(run("PFADD", "k", "a", "b", "c"), ":1");
  EXPECT_EQ(effects(), "PFADD k a b c");
  EXPECT_EQ(run("PFADD", "k", "a"), ":0");
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(run("PFCOUNT", "k"), ":3");
  EXPECT_EQ(effects(), "PFCOUNT k");
  EXPECT_EQ(run("PFCOUNT", "k"), ":3");
  EXPECT_EQ(effects(), "");
}

TEST_F(HyperLogLogCommands, PfaddWithoutElementsCreatesTheKeyOnce) {
  EXPECT_EQ(run("PFADD", "k"), ":1");
  EXPECT_EQ(run("PFADD", "k"), ":0");
  EXPECT_EQ(run("PFDEBUG", "DECODE", "k"), "$7 Z:16384");
}

TEST_F(HyperLogLogCommands, AValueIsDenseBeyondTheLimit) {
  keyspace().limits().hll_sparse_max_bytes = 30;
  for (int i = 0; i < 20; ++i) run("PFADD", "k", std::to_string(i));
  EXPECT_EQ(run("PFDEBUG", "ENCODING", "k"), "+dense");
  EXPECT_EQ(run("STRLEN", "k"), ":12304");
  EXPECT_EQ(run("PFCOUNT", "k"), ":20");
}

TEST_F(HyperLogLogCommands, ACorruptedValueStaysAsItWas) {
  run("PFADD", "k", "a");
  run("APPEND", "k", "hello");
  const std::string before = bytes("k");
  EXPECT_EQ(run("PFCOUNT", "k"), "-INVALIDOBJ Corrupted HLL object detected");
  EXPECT_EQ(run("PFMERGE", "d", "k"), "-INVALIDOBJ Corrupted HLL object detected");
  EXPECT_EQ(run("PFDEBUG", "GETREG", "k"), "-INVALIDOBJ Corrupted HLL object detected");
  EXPECT_EQ(bytes("k"), before);
  EXPECT_EQ(encoding("d"), "");
  run("SET", "k", "HYLL");
  EXPECT_EQ(run("PFADD", "k", "a"), "-WRONGTYPE Key is not a valid HyperLogLog string value.");
}

TEST_F(HyperLogLogCommands, OneElementThatDoesNotFitADamagedValueKeepsAllFromBeingAdded) {
  // Elements whose registers are far apart: a value that ends between them has room for the first only.
  const auto index = [](int i) { return hll::element_of(std::to_string(i)).index; };
  int low = 0, high = 0;
  while (index(low) > 4000) ++low;
  while (index(high) < 12'000) ++high;
  std::string damaged = hll::empty().substr(0, hll::kHeaderBytes) + "\x5f\xff";  // 8192 registers of 0
  for (const std::string tail : {"", "\x7f"}) {  // or another run, cut in two
    run("SET", "k", damaged + tail);
    EXPECT_EQ(run("PFADD", "k", std::to_string(low)), ":1");
    run("SET", "k", damaged + tail);
    EXPECT_EQ(run("PFADD", "k", std::to_string(low), std::to_string(high)), "-INVALIDOBJ Corrupted HLL object detected");
    EXPECT_EQ(effects(), "");
    EXPECT_EQ(keyspace().find(db(), "k").entry->inline_value(), damaged + tail);
  }
}

TEST_F(HyperLogLogCommands, PfmergeOfADenseSourceIsDense) {
  run("PFADD", "a", "1", "2");
  run("PFADD", "b", "2", "3");
  EXPECT_EQ(run("PFDEBUG", "TODENSE", "b"), ":1");
  EXPECT_EQ(effects(), "PFDEBUG TODENSE b");
  EXPECT_EQ(run("PFMERGE", "c", "a", "b"), "+OK");
  EXPECT_EQ(run("PFDEBUG", "ENCODING", "c"), "+dense");
  EXPECT_EQ(run("PFCOUNT", "c"), ":3");
  EXPECT_EQ(run("PFCOUNT", "a", "b"), ":3");
}

}  // namespace
}  // namespace stele::test
