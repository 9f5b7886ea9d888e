#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "persistence/file_appender.h"
#include "persistence/rdb/rdb_value.h"

namespace stele {

/// Oldest and newest RDB version that can be written; 10 is what Redis 7.0 loads.
inline constexpr int kRdbVersionFirst = 9;
inline constexpr int kRdbVersionLast = 12;
inline constexpr int kRdbVersionDefault = 10;

/// Appends a value in the engine's form (RdbValue) to `out`, its type byte to the front of it as the first byte of the
/// returned pair: what a file or payload of `version` holds. Strings over 20 bytes are compressed if `compress` and it
/// pays. Nothing if `version` has no form for the value; with `lossy`, such a stream goes without the figures that the
/// version does not know. `value` must be well-formed: it is our own.
std::optional<std::uint8_t> append_rdb_value(std::uint8_t type, std::string_view value, int version, bool compress,
                                             std::string& out, bool lossy = false);

struct RdbWriteOptions {
  int version = kRdbVersionDefault;
  bool compress = true;
  bool checksum = true;
  bool lossy = false;  // writes as much of a value as the version has a form for
};

/// Writes an RDB file front to back (../formats: RDB). The file is complete only after end(); sync and rename are the
/// caller's. Threads: one.
class RdbWriter {
 public:
  RdbWriter(File& file, RdbWriteOptions options);

  Status begin();
  Status aux(std::string_view name, std::string_view value);
  Status function(std::string_view source);
  /// Keys that follow are in `db`; it has `keys` keys, `expires` of them with an expiry.
  Status select(std::uint64_t db, std::uint64_t keys, std::uint64_t expires);

  struct Key {
    std::string_view key;
    std::optional<std::int64_t> expire_at_ms;
    std::optional<std::uint64_t> idle_seconds;  // at most one of the two
    std::optional<std::uint8_t> frequency;
    std::uint8_t type = 0;
    std::string_view value;
    std::span<const std::int64_t> field_expires_at_ms = {};  // as RdbValue has them, of a plain or packed hash
  };
  /// `invalid`, naming the key, if the version cannot express the value; nothing of the key was written then.
  Status key(const Key& key);
  Status end();

  std::uint64_t bytes() const { return file_.bytes() + buffer_.size(); }

 private:
  Status flush(std::size_t keep_below);
  void add_string(std::string_view text);
  void add_expiring_hash(const Key& key);

  FileAppender file_;
  const RdbWriteOptions options_;
  std::string buffer_;
  std::uint64_t crc_ = 0;
};

/// DUMP: a value with the footer that RESTORE checks.
std::string make_dump_payload(std::uint8_t type, std::string_view value, int version);
/// `bytes` without their footer. `invalid` if the checksum is wrong or the version is one that cannot be read.
Result<std::string_view> open_dump_payload(std::string_view bytes, int& version);
/// `bytes` with the checksum that they should have; as they are if they are too short to have one.
std::string repaired_dump_payload(std::string_view bytes);

}  // namespace stele
