// Streams as values: ids, nodes, iteration, trimming, and the RDB forms.
#include "engine/stream/stream.h"

#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/stream/stream_rdb.h"
#include "persistence/rdb_primitives.h"

namespace stele::test {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

std::string text_of(StreamId id) { return std::string(StreamIdText(id).view()); }

std::string parsed(std::string_view text, std::uint64_t missing_seq = 0) {
  const auto id = parse_stream_id(text, missing_seq);
  return id ? text_of(*id) : "none";
}

TEST(StreamIds, AreReadAsRedisReadsThem) {
  EXPECT_EQ(parsed("5-7"), "5-7");
  EXPECT_EQ(parsed("5"), "5-0");
  EXPECT_EQ(parsed("5", kMax), "5-18446744073709551615");
  EXPECT_EQ(parsed("18446744073709551615-18446744073709551615"), "18446744073709551615-18446744073709551615");
  EXPECT_EQ(parsed("007- 1"), "7-1");  // whatever strtoull takes
  EXPECT_EQ(parsed("+5-1"), "5-1");
  for (const std::string_view text :
       {"", "-", "+", "x", "5-", "-5", "5-x", "5-5-5", "18446744073709551616", "5-*", "*"}) {
    EXPECT_EQ(parsed(text), "none") << text;
  }
  EXPECT_EQ(parsed(std::string(127, '0')), "0-0");
  EXPECT_EQ(parsed(std::string(128, '0')), "none");
  EXPECT_EQ(text_of(*parse_stream_bound("-", 0)), "0-0");
  EXPECT_EQ(*parse_stream_bound("+", 0), StreamId::max());
  EXPECT_EQ(parse_stream_id_without_seq("12-*"), 12u);
  for (const std::string_view text : {"*", "-*", "1-2-*", "x-*", "12-**", "-05-*"}) {
    EXPECT_EQ(parse_stream_id_without_seq(text), std::nullopt) << text;
  }
}

TEST(StreamIds, HaveNeighbours) {
  EXPECT_EQ(text_of(*StreamId({1, kMax}).next()), "2-0");
  EXPECT_EQ(text_of(*StreamId({2, 0}).previous()), "1-18446744073709551615");
  EXPECT_EQ(StreamId::max().next(), std::nullopt);
  EXPECT_EQ(StreamId().previous(), std::nullopt);
}

class StreamValue : public ::testing::Test {
 protected:
  void add(std::uint64_t ms, std::vector<std::string_view> pairs = {"f", "v"}) {
    stream_.append({ms, 0}, pairs, limits_);
  }
  void add_many(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t ms = first; ms <= last; ++ms) add(ms, {"f", std::to_string(ms)});
  }
  bool erase(std::uint64_t ms) {
    const StreamId id{ms, 0};
    return stream_.erase({&id, 1}) == 1;
  }
  std::uint64_t trim_to(std::uint64_t length, bool approximate = false, std::int64_t limit = 0) {
    return stream_.trim(
        {.by = StreamTrim::By::length, .approximate = approximate, .length = length, .removed_max = limit});
  }
  std::uint64_t trim_from(std::uint64_t ms, bool approximate = false) {
    return stream_.trim({.by = StreamTrim::By::id, .approximate = approximate, .id = {ms, 0}});
  }

  static std::string entries(const Stream& stream, StreamId first = {}, StreamId last = StreamId::max(),
                             bool reverse = false) {
    std::string out;
    char scratch[24];
    for (StreamCursor entry(stream, first, last, reverse); entry.next();) {
      if (!out.empty()) out += ' ';
      out += std::to_string(entry.id().ms);
      entry.each_pair([&](const PackedValue& field, const PackedValue& value) {
        out += fmt::format(",{}", field.text(scratch));
        out += fmt::format("={}", value.text(scratch));
      });
    }
    return out;
  }
  std::string ids(StreamId first = {}, StreamId last = StreamId::max(), bool reverse = false) const {
    std::string out;
    for (StreamCursor entry(stream_, first, last, reverse); entry.next();) {
      out += fmt::format("{}{}", out.empty() ? "" : " ", entry.id().ms);
    }
    return out;
  }
  static std::string stored(const Stream& stream) {
    std::string bytes;
    append_stream_rdb(stream, bytes);
    return bytes;
  }

  CollectionLimits limits_{.stream_node_max_entries = 4};
  Stream stream_;
};

TEST_F(StreamValue, GivesEntriesBackInBothDirectionsAcrossNodes) {
  add_many(1, 10);
  EXPECT_EQ(stream_.nodes().size(), 3u);
  EXPECT_EQ(ids(), "1 2 3 4 5 6 7 8 9 10");
  EXPECT_EQ(ids({}, StreamId::max(), true), "10 9 8 7 6 5 4 3 2 1");
  EXPECT_EQ(ids({4, 0}, {9, 0}), "4 5 6 7 8 9");
  EXPECT_EQ(ids({4, 1}, {8, kMax}, true), "8 7 6 5");
  EXPECT_EQ(ids({11, 0}, StreamId::max()), "");
  EXPECT_EQ(ids({}, {0, 5}, true), "");
  EXPECT_EQ(ids({5, 0}, {4, 0}), "");
}

TEST_F(StreamValue, KeepsFieldsThatAreNotThoseOfTheNode) {
  add(1, {"a", "1", "b", "2"});
  add(2, {"a", "x", "b", "-5"});
  add(3, {"a", "1", "c", "2"});
  add(4, {"a", "1"});
  EXPECT_EQ(entries(stream_), "1,a=1,b=2 2,a=x,b=-5 3,a=1,c=2 4,a=1");
  EXPECT_EQ(entries(stream_, {}, StreamId::max(), true), "4,a=1 3,a=1,c=2 2,a=x,b=-5 1,a=1,b=2");
}

TEST_F(StreamValue, StartsANodeWhenOneHasItsBytesOrEntries) {
  add_many(1, 4);
  EXPECT_EQ(stream_.nodes().size(), 1u);
  EXPECT_TRUE(erase(2));  // one that is deleted takes its place all the same
  add(5);
  EXPECT_EQ(stream_.nodes().size(), 2u);
  limits_ = {.stream_node_max_bytes = 100, .stream_node_max_entries = 0};
  add(6, {"f", std::string(60, 'x')});
  EXPECT_EQ(stream_.nodes().size(), 2u);
  add(7, {"f", std::string(60, 'x')});
  EXPECT_EQ(stream_.nodes().size(), 3u);
  limits_ = {.stream_node_max_bytes = 0, .stream_node_max_entries = 0};
  for (std::uint64_t ms = 8; ms < 300; ++ms) add(ms);
  EXPECT_EQ(stream_.nodes().size(), 3u);
  EXPECT_EQ(stream_.length(), 298u);
}

TEST_F(StreamValue, DeletesWithinNodesAndWholeNodes) {
  add_many(1, 8);
  EXPECT_TRUE(erase(1));
  EXPECT_FALSE(erase(1));
  EXPECT_FALSE(erase(9));
  EXPECT_EQ(text_of(stream_.first_id()), "2-0");
  for (const std::uint64_t ms : {2, 4, 3}) EXPECT_TRUE(erase(ms));
  EXPECT_EQ(stream_.nodes().size(), 1u);
  EXPECT_EQ(text_of(stream_.first_id()), "5-0");
  EXPECT_EQ(text_of(stream_.facts.max_deleted_id), "4-0");
  EXPECT_TRUE(erase(8));
  EXPECT_EQ(text_of(stream_.last_live_id()), "7-0");
  EXPECT_EQ(ids({}, StreamId::max(), true), "7 6 5");
  for (const std::uint64_t ms : {5, 6, 7}) EXPECT_TRUE(erase(ms));
  EXPECT_EQ(stream_.length(), 0u);
  EXPECT_EQ(stream_.first_id(), StreamId());
  EXPECT_EQ(text_of(stream_.facts.last_id), "8-0");
  EXPECT_EQ(stream_.facts.entries_added, 8u);
}

TEST_F(StreamValue, TrimsExactlyToALengthOrAnId) {
  add_many(1, 10);
  EXPECT_EQ(trim_to(10), 0u);
  EXPECT_EQ(trim_to(5), 5u);
  EXPECT_EQ(ids(), "6 7 8 9 10");
  EXPECT_EQ(text_of(stream_.first_id()), "6-0");
  EXPECT_EQ(stream_.facts.max_deleted_id, StreamId());  // by XDEL only
  EXPECT_TRUE(erase(7));
  EXPECT_EQ(trim_from(9), 2u);
  EXPECT_EQ(ids(), "9 10");
  EXPECT_EQ(trim_from(100), 2u);
  EXPECT_EQ(stream_.nodes().size(), 0u);
}

TEST_F(StreamValue, TrimsApproximatelyByWholeNodesAndNoMoreThanTheLimit) {
  add_many(1, 20);
  EXPECT_EQ(trim_to(7, true), 12u);
  EXPECT_EQ(stream_.length(), 8u);
  add_many(21, 40);
  EXPECT_EQ(trim_to(0, true, 9), 8u);
  EXPECT_EQ(trim_to(0, true, 3), 0u);
  EXPECT_EQ(ids(), "21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40");
  EXPECT_EQ(trim_from(30, true), 8u);
  EXPECT_EQ(text_of(stream_.first_id()), "29-0");
}

TEST_F(StreamValue, ANodeMayHoldDeletedEntriesOnly) {
  add_many(1, 4);
  EXPECT_TRUE(erase(4));
  EXPECT_EQ(trim_from(4), 3u);  // the node's last entry, though deleted, is not before 4
  EXPECT_EQ(stream_.nodes().size(), 1u);
  EXPECT_EQ(stream_.length(), 0u);
  EXPECT_EQ(ids(), "");
  EXPECT_EQ(ids({}, StreamId::max(), true), "");
  const auto again = stream_from_rdb(kRdbStreamListpacks3, stored(stream_));
  ASSERT_TRUE(again.ok()) << again.status().message();
  add(5);
  EXPECT_EQ(ids(), "5");
  EXPECT_EQ(text_of(stream_.first_id()), "5-0");
}

TEST_F(StreamValue, CountsWhatARadixTreeOverItsNodesWouldHave) {
  EXPECT_EQ(stream_.radix_tree_nodes(), 1u);
  limits_.stream_node_max_entries = 1;
  add(1);
  EXPECT_EQ(stream_.radix_tree_nodes(), 2u);  // 16 bytes, end
  add(2);
  EXPECT_EQ(stream_.radix_tree_nodes(), 6u);  // 7 common bytes, where they part, twice 8 bytes and end
  add(3);
  EXPECT_EQ(stream_.radix_tree_nodes(), 8u);
  stream_.append({3, 1}, std::vector<std::string_view>{"f", "v"}, limits_);
  EXPECT_EQ(stream_.radix_tree_nodes(), 10u);  // parts at the last byte: no run behind it
  add(256);
  EXPECT_EQ(stream_.radix_tree_nodes(), 13u);  // another place to part in the common bytes
}

TEST_F(StreamValue, ACopyHasEverythingAndIsOnItsOwn) {
  add_many(1, 9);
  erase(3);
  auto group = std::make_unique<StreamGroup>();
  StreamConsumer& alice = group->add_consumer("alice", 5);
  group->assign({1, 0}, alice).delivered_ms = 7;
  stream_.groups.emplace("g", std::move(group));
  const auto copy = stream_.copy();
  EXPECT_EQ(stored(*copy), stored(stream_));
  copy->find_group("g")->erase_consumer("alice");
  EXPECT_EQ(stream_.find_group("g")->pending().size(), 1u);
  EXPECT_GT(stream_.allocated_bytes(), 300u);
}

// --- RDB

/// A small stream with a bit of everything.
class StoredStream : public StreamValue {
 protected:
  StoredStream() {
    limits_.stream_node_max_entries = 3;
    add(1, {"f", "v", "g", "1000"});
    add(2, {"f", "w", "g", "7"});
    add(3, {"other", "x"});
    add(4, {"f", "v"});
    add(5, {"f", "v"});
    erase(2);
    auto group = std::make_unique<StreamGroup>();
    group->last_id = {4, 0};
    group->entries_read = 4;
    StreamConsumer& alice = group->add_consumer("alice", 1000);
    alice.active_ms = 900;
    StreamConsumer& bob = group->add_consumer("bob", 2000);
    group->assign({1, 0}, alice) = {&alice, 800, 3};
    group->assign({4, 0}, bob) = {&bob, 900, 1};
    stream_.groups.emplace("workers", std::move(group));
    stream_.groups.emplace("idle", std::make_unique<StreamGroup>());
  }

  /// As the older types have it.
  static std::string stored_as(std::uint8_t type, const Stream& stream) {
    std::string out;
    append_rdb_length(out, stream.nodes().size());
    for (const auto& [key, node] : stream.nodes()) {
      append_rdb_string(out, raw(key));
      append_rdb_string(out, node.bytes());
    }
    append_rdb_length(out, stream.length());
    append_id(out, stream.facts.last_id);
    if (type != kRdbStreamListpacks) {
      append_id(out, stream.first_id());
      append_id(out, stream.facts.max_deleted_id);
      append_rdb_length(out, stream.facts.entries_added);
    }
    append_rdb_length(out, stream.groups.size());
    for (const auto& [name, group] : stream.groups) {
      append_rdb_string(out, name);
      append_id(out, group->last_id);
      if (type != kRdbStreamListpacks) append_rdb_length(out, static_cast<std::uint64_t>(group->entries_read));
      append_rdb_length(out, group->pending().size());
      for (const auto& [id, pending] : group->pending()) {
        out += raw(id);
        append_ms(out, pending.delivered_ms);
        append_rdb_length(out, pending.deliveries);
      }
      append_rdb_length(out, group->consumers().size());
      for (const auto& [consumer_name, consumer] : group->consumers()) {
        append_rdb_string(out, consumer_name);
        append_ms(out, consumer->seen_ms);
        append_rdb_length(out, consumer->pending.size());
        for (const StreamId id : consumer->pending) out += raw(id);
      }
    }
    return out;
  }

  static void append_id(std::string& out, StreamId id) {
    append_rdb_length(out, id.ms);
    append_rdb_length(out, id.seq);
  }
  static void append_ms(std::string& out, std::int64_t ms) { out.append(reinterpret_cast<const char*>(&ms), 8); }
  static std::string raw(StreamId id) {
    std::string out;
    for (const std::uint64_t part : {id.ms, id.seq}) {
      for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(part >> shift));
    }
    return out;
  }

  /// Everything that commands do, on a value that passed the checks: nothing here may go wrong.
  static void use(Stream& stream) {
    entries(stream);
    entries(stream, {}, StreamId::max(), true);
    stream.radix_tree_nodes();
    stream.allocated_bytes();
    for (const auto& [name, group] : stream.groups) stream.lag(*group);
    if (stream.length() > 0) stream.last_live_id();
    const CollectionLimits limits;
    const std::vector<std::string_view> pairs{"f", "v"};
    if (const auto next = stream.facts.last_id.next()) {
      stream.append(*next, pairs, limits);
      EXPECT_TRUE(stream.contains(*next));
      EXPECT_EQ(stream.erase({&*next, 1}), 1u);
    }
    const auto copy = stream.copy();
    EXPECT_EQ(stored(*copy), stored(stream));
    const std::uint64_t half = stream.length() / 2;
    copy->trim({.by = StreamTrim::By::length, .length = half});
    EXPECT_EQ(copy->length(), half);
    copy->trim({.by = StreamTrim::By::id, .id = stream.facts.last_id});
    while (stream.length() > 0) {
      const StreamId first = stream.first_id();
      EXPECT_EQ(stream.erase({&first, 1}), 1u);
    }
    for (const auto& [name, group] : stream.groups) {
      while (!group->consumers().empty()) group->erase_consumer(std::string(group->consumers().begin()->first));
      EXPECT_TRUE(group->pending().empty());
    }
  }
};

TEST_F(StoredStream, ComesBackAsItWas) {
  const std::string bytes = stored(stream_);
  const auto again = stream_from_rdb(kRdbStreamListpacks3, bytes);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(stored(**again), bytes);
  EXPECT_EQ(entries(**again), entries(stream_));
  EXPECT_EQ(text_of((*again)->first_id()), "1-0");
  const StreamGroup& group = *(*again)->find_group("workers");
  EXPECT_EQ(group.find_consumer("alice")->active_ms, 900);
  EXPECT_EQ(group.pending().begin()->second.deliveries, 3u);
  EXPECT_EQ((*again)->find_group("idle")->entries_read, StreamGroup::kUnknown);
}

TEST_F(StoredStream, IsReadInTheFormsOfRedis5And70) {
  const auto seven = stream_from_rdb(kRdbStreamListpacks2, stored_as(kRdbStreamListpacks2, stream_));
  ASSERT_TRUE(seven.ok()) << seven.status().message();
  EXPECT_EQ((*seven)->facts.entries_added, 5u);
  EXPECT_EQ(text_of((*seven)->facts.max_deleted_id), "2-0");
  EXPECT_EQ((*seven)->find_group("workers")->entries_read, 4);
  EXPECT_EQ((*seven)->find_group("workers")->find_consumer("bob")->active_ms, 2000);

  const auto five = stream_from_rdb(kRdbStreamListpacks, stored_as(kRdbStreamListpacks, stream_));
  ASSERT_TRUE(five.ok()) << five.status().message();
  EXPECT_EQ((*five)->facts.entries_added, 4u);
  EXPECT_EQ((*five)->facts.max_deleted_id, StreamId());
  EXPECT_EQ((*five)->find_group("workers")->entries_read, StreamGroup::kUnknown);
  EXPECT_EQ(entries(**five), entries(stream_));
}

// What XINFO of Redis says after it has loaded the same.
TEST_F(StoredStream, WhatAGroupOfRedis5HasReadIsToldWhereItCanBe) {
  Stream stream;
  const std::vector<std::string_view> pairs{"f", "v"};
  for (std::uint64_t ms = 1; ms <= 4; ++ms) stream.append({ms, 0}, pairs, CollectionLimits());
  const std::pair<StreamId, std::optional<std::int64_t>> read[] = {
      {{0, 0}, 0}, {{0, 5}, 0}, {{1, 0}, 1}, {{1, 1}, std::nullopt}, {{3, 0}, std::nullopt}, {{4, 0}, 4}, {{9, 0}, std::nullopt}};
  for (const auto& [id, entries] : read) stream.groups.emplace(text_of(id), std::make_unique<StreamGroup>()).first->second->last_id = id;
  const auto loaded = stream_from_rdb(kRdbStreamListpacks, stored_as(kRdbStreamListpacks, stream));
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  for (const auto& [id, entries] : read) {
    const StreamGroup& group = *(*loaded)->find_group(text_of(id));
    EXPECT_EQ(group.entries_read, entries.value_or(StreamGroup::kUnknown)) << text_of(id);
    EXPECT_EQ((*loaded)->lag(group), entries ? std::optional(4 - *entries) : std::nullopt) << text_of(id);
  }
}

TEST_F(StoredStream, AnEmptyOneIsAStreamToo) {
  const auto again = stream_from_rdb(kRdbStreamListpacks3, stored(Stream()));
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ((*again)->length(), 0u);
}

TEST_F(StoredStream, EveryCutIsCorrupt) {
  const std::string bytes = stored(stream_);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto result = stream_from_rdb(kRdbStreamListpacks3, std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(result.ok()) << size;
    EXPECT_EQ(result.status().code(), Code::corrupt);
  }
  EXPECT_FALSE(stream_from_rdb(kRdbStreamListpacks3, bytes + '\0').ok());
}

TEST_F(StoredStream, EveryFlippedBitIsCorruptOrSafeForEveryCommand) {
  const std::string bytes = stored(stream_);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      auto result = stream_from_rdb(kRdbStreamListpacks3, damaged);
      if (result.ok()) {
        use(**result);
      } else {
        ++refused;
        EXPECT_EQ(result.status().code(), Code::corrupt);
      }
    }
  }
  EXPECT_GT(refused, bytes.size() * 4);
}

TEST_F(StoredStream, SeveralDamagedBytesAreCorruptOrSafeForEveryCommand) {
  const std::string bytes = stored(stream_);
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = bytes;
    for (int i = 0; i < 3; ++i) {
      const std::size_t at = random() % damaged.size();
      // Small numbers are what lengths and counts are made of.
      damaged[at] = static_cast<char>(random() % 2 == 0 ? random() % 8 : random());
    }
    auto result = stream_from_rdb(kRdbStreamListpacks3, damaged);
    if (result.ok()) use(**result);
  }
}

TEST_F(StoredStream, WhatDoesNotFitTogetherIsCorrupt) {
  const auto refused = [](const Stream& stream) { return !stream_from_rdb(kRdbStreamListpacks3, stored(stream)).ok(); };
  stream_.facts.last_id = {4, 0};  // before the last entry
  EXPECT_TRUE(refused(stream_));
  stream_.facts.last_id = {5, 0};
  EXPECT_FALSE(refused(stream_));

  StreamGroup& group = *stream_.find_group("workers");
  StreamConsumer& alice = *group.find_consumer("alice");
  StreamConsumer& bob = *group.find_consumer("bob");
  bob.pending.insert({1, 0});  // alice's
  EXPECT_TRUE(refused(stream_));
  bob.pending.erase({1, 0});
  bob.pending.insert({9, 0});  // nobody's
  EXPECT_TRUE(refused(stream_));
  bob.pending.erase({9, 0});
  alice.pending.clear();  // the group's alone
  EXPECT_TRUE(refused(stream_));
  alice.pending.insert({1, 0});
  EXPECT_FALSE(refused(stream_));
}

}  // namespace
}  // namespace stele::test
