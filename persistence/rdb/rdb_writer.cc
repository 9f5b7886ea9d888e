#include "persistence/rdb/rdb_writer.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "persistence/packed/listpack.h"
#include "persistence/rdb/crc64.h"
#include "persistence/rdb/lzf_pack.h"
#include "persistence/rdb_primitives.h"

namespace stele {

namespace {

constexpr std::size_t kBufferBytes = 1024 * 1024;
constexpr std::size_t kCompressFrom = 21;
constexpr std::size_t kSavingMin = 4;
constexpr char kCompressedForm = static_cast<char>(0xC3);
constexpr int kListpackVersion = 10;     // types 16, 17, 18, 19
constexpr int kSetListpackVersion = 11;  // types 20, 21
constexpr int kFieldExpiryVersion = 12;  // type 24
constexpr std::size_t kFooterBytes = 10;
constexpr int kDumpVersionRead = kRdbVersionLast;

void append_string(std::string_view text, bool compress, std::string& out) {
  if (!compress || text.size() < kCompressFrom || text.size() > std::numeric_limits<unsigned int>::max()) {
    return append_rdb_string(out, text);
  }
  thread_local std::string packed;
  packed.resize(text.size() - kSavingMin);
  const std::size_t n = lzf_pack(text, packed.data(), packed.size());
  if (n == 0) return append_rdb_string(out, text);
  out += kCompressedForm;
  append_rdb_length(out, n);
  append_rdb_length(out, text.size());
  out.append(packed.data(), n);
}

/// Rewrites a value of the engine's form.
class ValueWriter {
 public:
  ValueWriter(std::string_view value, int version, bool compress, bool lossy, std::string& out)
      : in_(value), version_(version), compress_(compress), lossy_(lossy), out_(out) {}

  std::optional<std::uint8_t> write(std::uint8_t type) {
    using namespace rdb_type;
    switch (type) {
      case kString:
      case kSetIntset:
        copy_strings(1);
        return done(type);
      case kSet:
        copy_strings(copy_length());
        return done(type);
      case kHash:
        copy_strings(2 * copy_length());
        return done(type);
      case kZset:
        for (std::uint64_t n = copy_length(); n > 0; --n) {
          copy_strings(1);
          out_.append(in_.bytes(8));
        }
        return done(type);
      case kHashListpack:
        if (version_ >= kListpackVersion) return copy_strings(1), done(type);
        unpack(2);
        return done(kHash);
      case kZsetListpack:
        if (version_ >= kListpackVersion) return copy_strings(1), done(type);
        unpack_zset();
        return done(kZset);
      case kSetListpack:
        if (version_ >= kSetListpackVersion) return copy_strings(1), done(type);
        unpack(1);
        return done(kSet);
      case kQuicklist2:
        if (version_ < kListpackVersion) return unpack_list(), done(kList);
        for (std::uint64_t n = copy_length(); n > 0; --n) {
          copy_length();
          copy_strings(1);
        }
        return done(type);
      case kStream:
      case kStream2:
      case kStream3:
        return write_stream(type);
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<std::uint8_t> done(std::uint8_t type) {
    STELE_ASSERT(in_.at_end());
    return type;
  }

  std::uint64_t copy_length() {
    const std::uint64_t length = in_.length();
    append_rdb_length(out_, length);
    return length;
  }
  void copy_strings(std::uint64_t count) {
    char scratch[12];
    for (; count > 0; --count) append_string(in_.string(scratch), compress_, out_);
  }

  template <typename Visit>
  void for_each_packed(std::string_view blob, Visit&& visit) {
    const auto packed = Listpack::from_bytes(blob);
    STELE_ASSERT(packed.has_value());
    char digits[24];
    for (auto place = packed->first(); place != Listpack::kNone; place = packed->next(place)) {
      visit(packed->get(place).text(digits));
    }
  }

  void unpack(std::size_t per_element) {
    char scratch[12];
    const std::string_view blob = in_.string(scratch);
    std::size_t parts = 0;
    std::string strings;
    for_each_packed(blob, [&](std::string_view text) {
      append_string(text, compress_, strings);
      ++parts;
    });
    append_rdb_length(out_, parts / per_element);
    out_ += strings;
  }

  void unpack_zset() {
    char scratch[12];
    const std::string_view blob = in_.string(scratch);
    std::size_t parts = 0;
    std::string members;
    for_each_packed(blob, [&](std::string_view text) {
      if (parts++ % 2 == 0) return append_string(text, compress_, members);
      const double score = std::strtod(std::string(text).c_str(), nullptr);
      char raw[sizeof score];
      std::memcpy(raw, &score, sizeof raw);
      members.append(raw, sizeof raw);
    });
    append_rdb_length(out_, parts / 2);
    out_ += members;
  }

  void unpack_list() {
    std::uint64_t elements = 0;
    std::string strings;
    char scratch[12];
    for (std::uint64_t n = in_.length(); n > 0; --n) {
      const bool single = in_.length() == 1;
      const std::string_view blob = in_.string(scratch);
      const auto add = [&](std::string_view text) {
        append_string(text, compress_, strings);
        ++elements;
      };
      if (single) {
        add(blob);
      } else {
        for_each_packed(blob, add);
      }
    }
    append_rdb_length(out_, elements);
    out_ += strings;
  }

  /// What type 19 says and type 15 does not.
  void pass_lengths(int count, std::uint8_t written) {
    for (; count > 0; --count) written == rdb_type::kStream ? in_.length() : copy_length();
  }

  /// The later the type, the more it says: 19 adds figures, 21 adds when a consumer was last active.
  std::optional<std::uint8_t> write_stream(std::uint8_t type) {
    using namespace rdb_type;
    std::uint8_t written = type;
    if (version_ < kSetListpackVersion && type == kStream3) written = kStream2;
    if (version_ < kListpackVersion && type != kStream) {
      if (!lossy_) return std::nullopt;
      written = kStream;
    }

    for (std::uint64_t n = copy_length(); n > 0; --n) copy_strings(2);
    for (int i = 0; i < 3; ++i) copy_length();
    if (type != kStream) pass_lengths(5, written);
    for (std::uint64_t groups = copy_length(); groups > 0; --groups) {
      copy_strings(1);
      for (int i = 0; i < 2; ++i) copy_length();
      if (type != kStream) pass_lengths(1, written);
      for (std::uint64_t pending = copy_length(); pending > 0; --pending) {
        out_.append(in_.bytes(16 + 8));
        copy_length();
      }
      for (std::uint64_t consumers = copy_length(); consumers > 0; --consumers) {
        copy_strings(1);
        out_.append(in_.bytes(8));
        if (type == kStream3) {
          const std::string_view active_time = in_.bytes(8);
          if (written == kStream3) out_.append(active_time);
        }
        const std::uint64_t own = copy_length();
        out_.append(in_.bytes(16 * own));
      }
    }
    return done(written);
  }

  RdbReader in_;
  const int version_;
  const bool compress_;
  const bool lossy_;
  std::string& out_;
};

}  // namespace

std::optional<std::uint8_t> append_rdb_value(std::uint8_t type, std::string_view value, int version, bool compress,
                                             std::string& out, bool lossy) {
  return ValueWriter(value, version, compress, lossy, out).write(type);
}

RdbWriter::RdbWriter(File& file, RdbWriteOptions options) : file_(file), options_(options) {
  STELE_ASSERT(options.version >= kRdbVersionFirst && options.version <= kRdbVersionLast);
}

Status RdbWriter::begin() {
  buffer_ += fmt::format("REDIS{:04d}", options_.version);
  return {};
}

void RdbWriter::add_string(std::string_view text) { append_string(text, options_.compress, buffer_); }

Status RdbWriter::aux(std::string_view name, std::string_view value) {
  buffer_ += static_cast<char>(250);
  append_rdb_string(buffer_, name);
  append_rdb_string(buffer_, value);
  return flush(kBufferBytes);
}

Status RdbWriter::function(std::string_view source) {
  if (options_.version < kListpackVersion) {
    return Status::invalid("RDB version {} has no form for functions; 10 and later have", options_.version);
  }
  buffer_ += static_cast<char>(245);
  add_string(source);
  return flush(kBufferBytes);
}

Status RdbWriter::select(std::uint64_t db, std::uint64_t keys, std::uint64_t expires) {
  buffer_ += static_cast<char>(254);
  append_rdb_length(buffer_, db);
  buffer_ += static_cast<char>(251);
  append_rdb_length(buffer_, keys);
  append_rdb_length(buffer_, expires);
  return flush(kBufferBytes);
}

Status RdbWriter::key(const Key& key) {
  const std::size_t start = buffer_.size();
  if (key.expire_at_ms) {
    buffer_ += static_cast<char>(252);
    buffer_.append(reinterpret_cast<const char*>(&*key.expire_at_ms), sizeof *key.expire_at_ms);
  }
  if (key.idle_seconds) {
    buffer_ += static_cast<char>(248);
    append_rdb_length(buffer_, *key.idle_seconds);
  } else if (key.frequency) {
    buffer_ += static_cast<char>(249);
    buffer_ += static_cast<char>(*key.frequency);
  }
  // The type is known only when the value has been written: a place is kept for it.
  const std::size_t type_at = buffer_.size();
  buffer_ += '\0';
  add_string(key.key);
  if (!key.field_expires_at_ms.empty() && options_.version >= kFieldExpiryVersion) {
    buffer_[type_at] = static_cast<char>(rdb_type::kHashExpiring);
    add_expiring_hash(key);
    return flush(kBufferBytes);
  }
  if (!key.field_expires_at_ms.empty() && !options_.lossy) {
    buffer_.resize(start);
    return Status::invalid("RDB version {} has no form for the expiry of hash fields, which key '{}' has; 12 has one",
                           options_.version, key.key);
  }
  const auto type = append_rdb_value(key.type, key.value, options_.version, options_.compress, buffer_, options_.lossy);
  if (!type) {
    buffer_.resize(start);
    return Status::invalid(
        "RDB version {} has no form for the value of key '{}' (type {}); set rdb-version to 10 or later",
        options_.version, key.key, rdb_type_name(key.type, RdbDialect::redis));
  }
  buffer_[type_at] = static_cast<char>(*type);
  return flush(kBufferBytes);
}

/// Type 24: the smallest expiry, then every field with how much later it expires.
void RdbWriter::add_expiring_hash(const Key& key) {
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t at : key.field_expires_at_ms) {
    if (at != 0) least = std::min(least, at);
  }
  buffer_.append(reinterpret_cast<const char*>(&least), sizeof least);
  append_rdb_length(buffer_, key.field_expires_at_ms.size());
  std::size_t field = 0;
  const auto begin_field = [&] {
    const std::int64_t at = key.field_expires_at_ms[field++];
    append_rdb_length(buffer_, at == 0 ? 0 : static_cast<std::uint64_t>(at) - static_cast<std::uint64_t>(least) + 1);
  };
  RdbReader in(key.value);
  char scratch[24];
  if (key.type == rdb_type::kHash) {
    for (std::uint64_t n = in.length(); n > 0; --n) {
      begin_field();
      add_string(in.string(scratch));
      add_string(in.string(scratch));
    }
    return;
  }
  STELE_ASSERT(key.type == rdb_type::kHashListpack);
  const auto packed = Listpack::from_bytes(in.string(scratch));
  STELE_ASSERT(packed.has_value() && packed->size() == 2 * key.field_expires_at_ms.size());
  for (auto place = packed->first(); place != Listpack::kNone;) {
    begin_field();
    for (int i = 0; i < 2; ++i, place = packed->next(place)) add_string(packed->get(place).text(scratch));
  }
}

Status RdbWriter::end() {
  buffer_ += static_cast<char>(255);
  STELE_CHECK(flush(0));
  const std::uint64_t checksum = options_.checksum ? crc_ : 0;
  buffer_.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return flush(0);
}

Status RdbWriter::flush(std::size_t keep_below) {
  if (buffer_.size() <= keep_below) return {};
  if (options_.checksum) crc_ = crc64(crc_, buffer_);
  STELE_CHECK(file_.append(buffer_));
  buffer_.clear();
  if (buffer_.capacity() > 4 * kBufferBytes) buffer_.shrink_to_fit();
  return {};
}

std::string make_dump_payload(std::uint8_t type, std::string_view value, int version) {
  std::string payload(1, '\0');
  const auto written = append_rdb_value(type, value, version, false, payload);
  STELE_ASSERT(written.has_value());
  payload[0] = static_cast<char>(*written);
  payload += static_cast<char>(version & 0xFF);
  payload += static_cast<char>(version >> 8);
  const std::uint64_t checksum = crc64(0, payload);
  payload.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return payload;
}

Result<std::string_view> open_dump_payload(std::string_view bytes, int& version) {
  const Status wrong = Status::invalid("ERR DUMP payload version or checksum are wrong");
  if (bytes.size() < kFooterBytes + 1) return wrong;
  const std::string_view summed = bytes.substr(0, bytes.size() - 8);
  std::uint64_t written = 0;
  std::memcpy(&written, bytes.data() + summed.size(), sizeof written);
  version = static_cast<unsigned char>(summed[summed.size() - 2]) | static_cast<unsigned char>(summed.back()) << 8;
  if (version > kDumpVersionRead || crc64(0, summed) != written) return wrong;
  return bytes.substr(0, bytes.size() - kFooterBytes);
}

std::string repaired_dump_payload(std::string_view bytes) {
  std::string payload(bytes);
  std::uint64_t checksum = 0;
  if (payload.size() < sizeof checksum) return payload;
  checksum = crc64(0, bytes.substr(0, bytes.size() - sizeof checksum));
  std::memcpy(payload.data() + payload.size() - sizeof checksum, &checksum, sizeof checksum);
  return payload;
}

}  // namespace stele
