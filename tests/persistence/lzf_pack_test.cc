#include "persistence/rdb/lzf_pack.h"

#include <liblzf/lzf.h>

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace stele {
namespace {

/// Texts of all lengths, from what repeats all the time to what never does.
std::vector<std::string> texts() {
  std::mt19937_64 random(1);
  std::vector<std::string> texts;
  for (std::size_t size = 0; size < 6000; size += size < 700 ? 1 : 97) {
    for (const unsigned letters : {1u, 2u, 8u, 64u, 256u}) {
      std::string text(size, '\0');
      for (char& c : text) c = static_cast<char>(random() % letters);
      texts.push_back(text);
    }
    std::string words;
    while (words.size() < size) words += "word" + std::to_string(random() % 300) + ":";
    texts.push_back(words.substr(0, size));
  }
  return texts;
}

TEST(LzfPack, WhatItWritesExpandsToTheTextAndStaysWithinItsRoom) {
  for (const std::string& text : texts()) {
    for (const std::size_t room :
         {text.size() + 64, text.size() - std::min<std::size_t>(text.size(), 4), text.size() / 2, std::size_t{0}}) {
      std::string out(room + 8, '#');
      const std::size_t bytes = lzf_pack(text, out.data(), room);
      ASSERT_LE(bytes, room);
      ASSERT_EQ(out.substr(room), "########") << "wrote beyond its room";
      if (bytes == 0) continue;
      std::string expanded(text.size(), '\0');
      ASSERT_EQ(lzf_decompress(out.data(), static_cast<unsigned>(bytes), expanded.data(),
                               static_cast<unsigned>(expanded.size())),
                text.size());
      ASSERT_TRUE(expanded == text) << text.size();
    }
  }
}

TEST(LzfPack, IsAboutAsSmallAsWhatLiblzfMakes) {
  std::size_t ours = 0;
  std::size_t theirs = 0;
  for (const std::string& text : texts()) {
    if (text.size() < 21) continue;
    std::string out(text.size() - 4, '\0');
    const std::size_t bytes = lzf_pack(text, out.data(), out.size());
    ours += bytes == 0 ? text.size() : bytes;
    const std::size_t liblzf =
        lzf_compress(text.data(), static_cast<unsigned>(text.size()), out.data(), static_cast<unsigned>(out.size()));
    theirs += liblzf == 0 ? text.size() : liblzf;
  }
  EXPECT_LT(static_cast<double>(ours), 1.01 * static_cast<double>(theirs)) << ours << " of " << theirs;
}

}  // namespace
}  // namespace stele
