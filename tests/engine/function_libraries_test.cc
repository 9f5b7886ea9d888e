#include "engine/function_libraries.h"

#include <gtest/gtest.h>

namespace stele::test {
namespace {

TEST(FunctionLibraries, LabelLinesRestoreWhatTheyWereMadeOf) {
  FunctionLibraries before;
  before.set("a", std::string("#!lua name=a\n\0\xff\r\n\"", 18));
  before.set("b_2", "#!lua name=b_2\n");
  const std::string lines = before.label_lines();

  FunctionLibraries after;
  std::size_t at = 0;
  while (at < lines.size()) {
    const std::size_t end = lines.find('\n', at);
    const std::string line = lines.substr(at, end - at);
    ASSERT_TRUE(line.starts_with("library "));
    const std::size_t space = line.find(' ', 8);
    ASSERT_TRUE(after.restore(line.substr(8, space - 8), line.substr(space + 1)).ok());
    at = end + 1;
  }

  EXPECT_EQ(after.all(), before.all());
}

TEST(FunctionLibraries, NoLibraryIsNoLine) { EXPECT_EQ(FunctionLibraries().label_lines(), ""); }

TEST(FunctionLibraries, MalformedSourceIsCorrupt) {
  FunctionLibraries libraries;
  for (const char* hex : {"", "a", "0g", "AB", "abc"}) {
    EXPECT_EQ(libraries.restore("a", hex).code(), Code::corrupt) << hex;
  }
  EXPECT_EQ(libraries.restore("a-b", "ab").code(), Code::corrupt);
  EXPECT_TRUE(libraries.all().empty());
}

TEST(FunctionLibraries, TheFirstLineNamesEngineAndLibrary) {
  const auto head = parse_library_head("#!lua name=mylib\nreturn 1");

  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->engine, "lua");
  EXPECT_EQ(head->name, "mylib");
  EXPECT_EQ(head->bytes, 16u);
}

TEST(FunctionLibraries, AFirstLineThatIsWrongSaysWhatIsWrongAsRedisDoes) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "Missing library metadata"},
      {"return 1", "Missing library metadata"},
      {"#!lua name=a", "Invalid library metadata"},
      {"#!lua\n", "Library name was not given"},
      {"#!lua name=a name=b\n", "Invalid metadata value, name argument was given multiple times"},
      {"#!lua foo=bar\n", "Invalid metadata value given: foo=bar"},
  };
  for (const auto& [code, error] : kCases) EXPECT_EQ(parse_library_head(code).status().message(), error) << code;
}

}  // namespace
}  // namespace stele::test
