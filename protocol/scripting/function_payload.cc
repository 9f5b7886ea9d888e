#include "protocol/scripting/function_payload.h"

#include "persistence/rdb/crc64.h"
#include "persistence/rdb/rdb_source.h"
#include "persistence/rdb_primitives.h"

namespace stele {

namespace {

constexpr std::uint8_t kLibraryOpcode = 0xF5;
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

}  // namespace

std::string encode_functions(const std::map<std::string, std::string, std::less<>>& code_by_name) {
  std::string out;
  for (const auto& [name, code] : code_by_name) {
    out.push_back(static_cast<char>(kLibraryOpcode));
    append_rdb_string(out, code);
  }
  append_le(out, kVersionWritten, 2);
  append_le(out, crc64(0, out), 8);
  return out;
}

Result<std::vector<std::string>> decode_functions(std::string_view payload) {
  const auto wrong = [] { return Status::invalid("DUMP payload version or checksum are wrong"); };
  if (payload.size() < kFooterBytes) return wrong();
  const std::string_view footer = payload.substr(payload.size() - kFooterBytes);
  if (load_le(footer.substr(0, 2)) > kVersionMax) return wrong();
  if (load_le(footer.substr(2)) != crc64(0, payload.substr(0, payload.size() - 8))) return wrong();

  std::vector<std::string> sources;
  RdbSource source(payload.substr(0, payload.size() - kFooterBytes), "functions");
  while (source.left() > 0) {
    if (source.byte() != kLibraryOpcode) return Status::invalid("given type is not a function");
    sources.emplace_back(source.string());
    if (!source.ok()) return Status::invalid("Failed loading library data");
  }
  return sources;
}

}  // namespace stele
