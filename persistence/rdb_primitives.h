#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace stele {

/// The length and string encodings that every RDB value is made of (../formats: RDB, sections 2 and 3).

void append_rdb_length(std::string& out, std::uint64_t length);
/// As an 8, 16 or 32 bit integer where the text is a canonical one of at most 11 bytes, else raw. Never compressed.
void append_rdb_string(std::string& out, std::string_view text);
void append_rdb_integer_string(std::string& out, std::int64_t value);

/// Reads what the above write, checking every length against what is left. A failed read leaves ok() false for good.
class RdbReader {
 public:
  explicit RdbReader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

  std::uint8_t byte();
  std::uint64_t length();
  std::string_view bytes(std::size_t count);
  /// A string in raw or integer form. The view is of the input, or of `scratch` (at least 12 bytes) for an integer.
  std::string_view string(char* scratch);

 private:
  bool fail();

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace stele
