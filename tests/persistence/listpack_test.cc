#include "persistence/packed/listpack.h"

#include <gtest/gtest.h>

#include <random>

namespace stele {
namespace {

std::string text_at(const Listpack& pack, Listpack::Place place) {
  char scratch[24];
  return std::string(pack.get(place).text(scratch));
}

std::vector<std::string> forward(const Listpack& pack) {
  std::vector<std::string> out;
  for (auto at = pack.first(); at != Listpack::kNone; at = pack.next(at)) out.push_back(text_at(pack, at));
  return out;
}

std::vector<std::string> backward(const Listpack& pack) {
  std::vector<std::string> out;
  for (auto at = pack.last(); at != Listpack::kNone; at = pack.previous(at)) out.insert(out.begin(), text_at(pack, at));
  return out;
}

void expect_is(const Listpack& pack, const std::vector<std::string>& texts) {
  EXPECT_EQ(forward(pack), texts);
  EXPECT_EQ(backward(pack), texts);
  EXPECT_EQ(pack.size(), texts.size());
  EXPECT_EQ(pack.empty(), texts.empty());
  EXPECT_TRUE(Listpack::from_bytes(pack.bytes()).has_value());
}

/// On both sides of every boundary between encodings.
std::vector<std::string> boundary_texts() {
  std::vector<std::string> texts;
  for (const std::int64_t at : {std::int64_t{0}, std::int64_t{127}, std::int64_t{4095}, std::int64_t{32767},
                                std::int64_t{8388607}, std::int64_t{2147483647}, INT64_MAX - 1}) {
    for (const std::int64_t value : {at - 1, at, at + 1, -at - 1, -at - 2}) texts.push_back(std::to_string(value));
  }
  texts.push_back(std::to_string(INT64_MIN));
  for (const char* text :
       {"", "a", "-", "-0", "00", "+1", " 1", "9223372036854775808", "-9223372036854775809", "1.0"}) {
    texts.push_back(text);
  }
  for (const std::size_t bytes : {62u, 63u, 64u, 125u, 126u, 127u, 4094u, 4095u, 4096u, 16376u, 16377u, 16378u, 16379u,
                                  16380u, 2097140u, 2097145u, 2097146u, 2097147u, 2097150u}) {
    texts.push_back(std::string(bytes, 'x'));
  }
  return texts;
}

TEST(Listpack, KeepsEveryElementInBothDirections) {
  Listpack pack;
  const auto texts = boundary_texts();
  std::size_t total = 7;
  for (const std::string& text : texts) {
    pack.append(text);
    total += Listpack::element_bytes(text);
    ASSERT_EQ(text_at(pack, pack.last()), text);
    ASSERT_EQ(pack.total(), total);
  }
  expect_is(pack, texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto n = static_cast<std::int64_t>(texts.size());
    EXPECT_EQ(pack.at(static_cast<std::int64_t>(i)), pack.at(static_cast<std::int64_t>(i) - n));
    EXPECT_EQ(text_at(pack, pack.at(static_cast<std::int64_t>(i))), texts[i]);
    EXPECT_TRUE(pack.get(pack.at(static_cast<std::int64_t>(i))).equals(texts[i]));
    EXPECT_FALSE(pack.get(pack.at(static_cast<std::int64_t>(i))).equals("no such text"));
  }
  EXPECT_EQ(pack.at(static_cast<std::int64_t>(texts.size())), Listpack::kNone);
  EXPECT_EQ(pack.at(-static_cast<std::int64_t>(texts.size()) - 1), Listpack::kNone);
}

TEST(Listpack, HasTheBytesThatRedisWrites) {
  // From DUMP of a redis-server 7.0.15: HSET h f <16378 times x>; the backward length of 16383 takes three bytes.
  Listpack pack;
  pack.append("f");
  pack.append(std::string(16378, 'x'));
  EXPECT_EQ(pack.bytes().substr(pack.total() - 4), std::string_view("\x00\xff\xff\xff", 4));
  Listpack integers;
  for (const std::int64_t value : {1, 127, 128, -1, 4096, -8388608, 2147483647}) integers.append_integer(value);
  EXPECT_EQ(integers.bytes().substr(6),
            std::string_view("\x01\x01\x7f\x01\xc0\x80\x02\xdf\xff\x02\xf1\x00\x10\x03\xf2\x00\x00\x80\x04"
                             "\xf3\xff\xff\xff\x7f\x05\xff",
                             26));
}

TEST(Listpack, FindsTextAndNumbersOnlyAmongThoseNotSkipped) {
  Listpack pack;
  for (const char* text : {"a", "b", "12", "a", "b", "12"}) pack.append(text);
  EXPECT_EQ(pack.find("b", pack.first()), pack.at(1));
  EXPECT_EQ(pack.find("b", pack.first(), 1), pack.at(4));
  EXPECT_EQ(pack.find("12", pack.first()), pack.at(2));
  EXPECT_EQ(pack.find("012", pack.first()), Listpack::kNone);
  EXPECT_EQ(pack.find("12", pack.at(3)), pack.at(5));
  EXPECT_EQ(pack.find("12", pack.at(1), 1), pack.at(5));
  EXPECT_EQ(pack.find("", pack.first()), Listpack::kNone);
  EXPECT_EQ(pack.find("a", Listpack::kNone), Listpack::kNone);
}

TEST(Listpack, AgreesWithAVectorUnderRandomChanges) {
  std::mt19937 random(7);
  const auto boundary = boundary_texts();
  for (int round = 0; round < 20; ++round) {
    Listpack pack;
    std::vector<std::string> model;
    for (int step = 0; step < 600; ++step) {
      std::string text = boundary[random() % (boundary.size() - 12)];
      if (random() % 2) text = std::to_string(static_cast<std::int64_t>(random()) - (1 << 30));
      const std::size_t index = model.empty() ? 0 : random() % model.size();
      const auto place = pack.at(static_cast<std::int64_t>(index));
      const auto at = model.begin() + static_cast<std::ptrdiff_t>(index);
      switch (random() % 8) {
        case 0:
          pack.append(text), model.push_back(text);
          break;
        case 1:
          pack.prepend(text), model.insert(model.begin(), text);
          break;
        case 2:
          if (model.empty()) break;
          EXPECT_EQ(text_at(pack, pack.insert_before(place, text)), text);
          model.insert(at, text);
          break;
        case 3:
          if (model.empty()) break;
          EXPECT_EQ(text_at(pack, pack.insert_after(place, text)), text);
          model.insert(at + 1, text);
          break;
        case 4:
          if (model.empty()) break;
          EXPECT_EQ(pack.replace(place, text), place);
          *at = text;
          break;
        case 5: {
          if (model.empty()) break;
          const std::size_t count = random() % 4;
          const std::size_t there = std::min(count, model.size() - index);
          const auto behind = pack.erase(place, count);
          const auto next = model.erase(at, at + static_cast<std::ptrdiff_t>(there));
          if (next == model.end()) {
            EXPECT_EQ(behind, Listpack::kNone);
          } else {
            EXPECT_EQ(text_at(pack, behind), *next);
          }
          break;
        }
        case 6:
          if (model.empty()) break;
          pack.replace_integer(place, step - 300);
          *at = std::to_string(step - 300);
          break;
        default:
          if (model.empty()) break;
          pack.erase(place);
          model.erase(at);
      }
    }
    expect_is(pack, model);
    Listpack more;
    more.append("more");
    pack.append_all(more);
    model.push_back("more");
    expect_is(pack, model);
    Listpack adopted = Listpack::adopt(pack.release());
    expect_is(adopted, model);
    adopted.clear();
    expect_is(adopted, {});
    EXPECT_EQ(adopted.total(), 7u);
  }
}

TEST(Listpack, CountsWhatTheHeaderCannotSay) {
  Listpack pack;
  for (int i = 0; i < 65534; ++i) pack.append_integer(i % 100);
  EXPECT_EQ(pack.size(), 65534u);
  for (int i = 0; i < 6; ++i) pack.append_integer(i);
  EXPECT_EQ(pack.size(), 65540u);
  EXPECT_EQ(text_at(pack, pack.at(65539)), "5");
  EXPECT_EQ(text_at(pack, pack.at(-65540)), "0");
  EXPECT_EQ(pack.at(-65541), Listpack::kNone);
  EXPECT_TRUE(Listpack::from_bytes(pack.bytes()).has_value());
  pack.erase(pack.first(), 65000);
  EXPECT_EQ(pack.size(), 540u);
  pack.erase(pack.first(), 65000);
  EXPECT_EQ(pack.size(), 0u);
  pack.append("a");
  expect_is(pack, {"a"});
}

TEST(Listpack, GivesBackRoomAfterErasing) {
  Listpack pack;
  for (int i = 0; i < 1000; ++i) pack.append("some text that takes room");
  const std::size_t full = pack.allocated_bytes();
  EXPECT_LE(full, pack.total() + pack.total() / 4 + 16);
  pack.erase(pack.first(), 900);
  EXPECT_LE(pack.allocated_bytes(), full / 4);
}

TEST(Listpack, TakesNoDamagedBytes) {
  Listpack pack;
  for (const char* text : {"abc", "5", "-1", "1000", "100000", "10000000", "10000000000", "x"}) pack.append(text);
  pack.append(std::string(100, 'y'));
  pack.append(std::string(5000, 'z'));
  const std::string good(pack.bytes());
  ASSERT_TRUE(Listpack::from_bytes(good).has_value());
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_FALSE(Listpack::from_bytes(std::string_view(good).substr(0, cut)).has_value()) << cut;
  }
  EXPECT_FALSE(Listpack::from_bytes(good + "\xff").has_value());
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int flip = 1; flip < 256; flip = flip < 128 ? flip * 2 : flip + 127) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      if (const auto taken = Listpack::from_bytes(bad)) {
        // A flipped bit of content is another content: it must read in both directions without leaving the bytes.
        EXPECT_EQ(forward(*taken), backward(*taken));
      }
    }
  }
  EXPECT_FALSE(Listpack::from_bytes(std::string_view("\x07\x00\x00\x00\x01\x00\xff", 7)).has_value());
  EXPECT_TRUE(Listpack::from_bytes(std::string_view("\x07\x00\x00\x00\xff\xff\xff", 7)).has_value());
  EXPECT_FALSE(Listpack::from_bytes(std::string_view("\x0b\x00\x00\x00\x01\x00\xf0\xff\xff\xff\xff", 11)).has_value());
}

}  // namespace
}  // namespace stele
