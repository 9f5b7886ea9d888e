#pragma once

#include <cctype>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace stele::test {

/// As much of JSON as tables of facts need: no escapes but the plain ones, numbers are integers.
struct Json {
  enum class Type { null, boolean, number, text, array, object } type = Type::null;
  std::int64_t number = 0;  // also of a boolean
  std::string text;
  std::vector<Json> elements;
  std::map<std::string, Json, std::less<>> members;

  bool has(std::string_view name) const { return members.find(name) != members.end(); }
  const Json& operator[](std::string_view name) const {
    static const Json kNull;
    const auto found = members.find(name);
    return found == members.end() ? kNull : found->second;
  }
};

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : rest_(text) {}

  Json read() {
    Json value;
    const char first = next_visible();
    if (first == '{' || first == '[') {
      value.type = first == '{' ? Json::Type::object : Json::Type::array;
      rest_.remove_prefix(1);
      const char end = first == '{' ? '}' : ']';
      while (next_visible() != end && !rest_.empty()) {
        if (first == '{') {
          next_visible();
          std::string name = read_text();
          expect(':');
          value.members.emplace(std::move(name), read());
        } else {
          value.elements.push_back(read());
        }
        if (next_visible() == ',') rest_.remove_prefix(1);
      }
      expect(end);
    } else if (first == '"') {
      value.type = Json::Type::text;
      value.text = read_text();
    } else {
      read_word(value);
    }
    return value;
  }

 private:
  char next_visible() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_[0]))) rest_.remove_prefix(1);
    return rest_.empty() ? '\0' : rest_[0];
  }
  void expect(char c) {
    EXPECT_EQ(next_visible(), c);
    if (!rest_.empty()) rest_.remove_prefix(1);
  }
  std::string read_text() {
    std::string text;
    expect('"');
    while (!rest_.empty() && rest_[0] != '"') {
      if (rest_[0] == '\\') rest_.remove_prefix(1);
      text += rest_[0];
      rest_.remove_prefix(1);
    }
    expect('"');
    return text;
  }
  void read_word(Json& value) {
    const std::size_t end = rest_.find_first_of(",]} \r\n");
    const std::string word(rest_.substr(0, end));
    rest_.remove_prefix(word.size());
    if (word == "null") return;
    value.type = word == "true" || word == "false" ? Json::Type::boolean : Json::Type::number;
    value.number = value.type == Json::Type::boolean ? word == "true" : std::stoll(word);
  }

  std::string_view rest_;
};

}  // namespace stele::test
