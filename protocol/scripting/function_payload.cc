#include "protocol/scripting/function_payload.h"

#include <optional>

#include "persistence/crc64.h"
#include "persistence/lzf.h"
#include "persistence/rdb_primitives.h"

namespace stele {

namespace {

constexpr char kLibraryOpcode = '\xF5';
constexpr unsigned kVersionWritten = 10;
constexpr unsigned kVersionMax = 11;
constexpr std::size_t kFooterBytes = 2 + 8;

std::uint64_t load_le(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

void append_le(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

/// Source text in either of the forms that a writer chooses for it: raw, or compressed.
std::optional<std::string> read_code(std::string_view& rest) {
  static constexpr unsigned char kLzf = 0xC3;
  if (rest.empty()) return std::nullopt;
  const auto take_length = [&]() -> std::optional<std::uint64_t> {
    if (rest.empty() || static_cast<unsigned char>(rest[0]) >= 0xC0) return std::nullopt;
    RdbReader reader(rest);
    const std::uint64_t length = reader.length();
    if (!reader.ok()) return std::nullopt;
    const auto first = static_cast<unsigned char>(rest[0]);
    rest.remove_prefix(first < 0x40 ? 1 : first < 0x80 ? 2 : first == 0x80 ? 5 : 9);
    return length;
  };
  if (static_cast<unsigned char>(rest[0]) != kLzf) {
    const auto bytes = take_length();
    if (!bytes || *bytes > rest.size()) return std::nullopt;
    std::string code(rest.substr(0, *bytes));
    rest.remove_prefix(*bytes);
    return code;
  }
  rest.remove_prefix(1);
  const auto compressed = take_length();
  const auto plain = compressed ? take_length() : std::nullopt;
  std::string code;
  if (!plain || *compressed > rest.size() || !append_lzf_decompressed(code, rest.substr(0, *compressed), *plain)) {
    return std::nullopt;
  }
  rest.remove_prefix(*compressed);
  return code;
}

}  // namespace

std::string encode_functions(const std::map<std::string, std::string, std::less<>>& code_by_name) {
  std::string out;
  for (const auto& [name, code] : code_by_name) {
    out.push_back(kLibraryOpcode);
    append_rdb_string(out, code);
  }
  append_le(out, kVersionWritten, 2);
  append_le(out, crc64(out), 8);
  return out;
}

Result<std::vector<std::string>> decode_functions(std::string_view payload) {
  const auto wrong = [] { return Status::invalid("DUMP payload version or checksum are wrong"); };
  if (payload.size() < kFooterBytes) return wrong();
  const std::string_view footer = payload.substr(payload.size() - kFooterBytes);
  if (load_le(footer.substr(0, 2)) > kVersionMax) return wrong();
  if (load_le(footer.substr(2)) != crc64(payload.substr(0, payload.size() - 8))) return wrong();

  std::vector<std::string> sources;
  std::string_view rest = payload.substr(0, payload.size() - kFooterBytes);
  while (!rest.empty()) {
    if (rest[0] != kLibraryOpcode) return Status::invalid("given type is not a function");
    rest.remove_prefix(1);
    auto code = read_code(rest);
    if (!code) return Status::invalid("Failed loading library data");
    sources.push_back(std::move(*code));
  }
  return sources;
}

}  // namespace stele
