#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stele::tools {

/// Appends JSON to a string, front to back; commas come by themselves. What is written is valid UTF-8 whatever the
/// bytes:
///
///     string(bytes)   "text"            if the bytes are valid UTF-8
///                     {"hex": "c3ff"}   if they are not; so nothing is lost and the two cannot be taken for each other
///
/// Objects and arrays are closed by the caller. Numbers beyond 2^53 are written in full: a reader that keeps doubles
/// rounds them.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  /// Of the value that comes next. `name` must need no escaping: it is ours.
  JsonWriter& name(std::string_view name);

  JsonWriter& string(std::string_view bytes);
  JsonWriter& number(std::uint64_t value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(int value) { return number(std::int64_t{value}); }
  /// The shortest spelling that reads as the same double; "inf", "-inf", "nan" as strings, since JSON has no such
  /// numbers.
  JsonWriter& real(double value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  /// A value that is JSON already.
  JsonWriter& raw(std::string_view json);

  template <typename Value>
  JsonWriter& field(std::string_view field_name, const Value& value) {
    name(field_name);
    if constexpr (std::is_same_v<Value, bool>) {
      return boolean(value);
    } else if constexpr (std::is_convertible_v<Value, std::string_view>) {
      return string(value);
    } else if constexpr (std::is_floating_point_v<Value>) {
      return real(value);
    } else if constexpr (std::is_unsigned_v<Value>) {
      return number(std::uint64_t{value});
    } else {
      return number(std::int64_t{value});
    }
  }

 private:
  JsonWriter& open(char bracket) {
    separate();
    out_ += bracket;
    needs_comma_ = false;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_ += bracket;
    needs_comma_ = true;
    return *this;
  }
  void separate() {
    if (needs_comma_) out_ += ',';
    needs_comma_ = true;
  }

  std::string& out_;
  bool needs_comma_ = false;
};

/// `text`, which must be UTF-8, as a JSON string in quotes.
void append_json_text(std::string& out, std::string_view text);

}  // namespace stele::tools
