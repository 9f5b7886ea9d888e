#include "persistence/rdb/rdb_reader.h"

namespace stele {

namespace {

constexpr int kFirstVersionWithChecksum = 5;
constexpr int kLastVersion = 14;
constexpr int kFirstValkeyVersion = 80;
constexpr int kLastValkeyVersion = 81;
constexpr std::uint64_t kProgressBytes = 4 * 1024 * 1024;

// ../formats: RDB, section 4
enum Opcode : std::uint8_t {
  kEnterpriseLru = 107,
  kEnterpriseSlot = 121,
  kKeyMeta = 243,  // of Valkey: an import of slots
  kSlotInfo = 244,
  kFunction = 245,
  kFunctionPreRelease = 246,
  kModuleAux = 247,
  kIdle = 248,
  kFrequency = 249,
  kAux = 250,
  kResize = 251,
  kExpireMs = 252,
  kExpireSeconds = 253,
  kSelect = 254,
  kEnd = 255,
};
constexpr std::uint8_t kFirstOpcode = 200;  // value types stay below

class Reader {
 public:
  Reader(RdbSource& source, const RdbReadOptions& options, RdbVisitor& visitor)
      : source_(source), options_(options), visitor_(visitor) {}

  Result<RdbSummary> run() {
    STELE_CHECK(read_header());
    for (;;) {
      report_progress();
      key_.offset = source_.offset();
      const std::uint8_t first = source_.byte();
      if (!source_.ok()) return source_.status();
      if (first == kEnd) break;
      STELE_CHECK(is_value_type(first) ? read_key(first) : read_record(first));
      if (!source_.ok()) return source_.status();
    }
    STELE_CHECK(read_checksum());
    summary_.end = source_.offset();
    return summary_;
  }

 private:
  Status read_header() {
    const std::string head(source_.bytes(9));
    if (!source_.ok()) return source_.status();
    std::string_view digits;
    if (head.starts_with("REDIS")) {
      digits = std::string_view(head).substr(5);
    } else if (head.starts_with("VALKEY")) {
      digits = std::string_view(head).substr(6);
      summary_.dialect = RdbDialect::valkey;
    }
    for (const char c : digits) {
      if (c < '0' || c > '9') digits = {};
    }
    if (digits.empty()) {
      source_.fail("this is no RDB file: it does not begin with REDIS or VALKEY and a version");
      return source_.status();
    }
    for (const char c : digits) summary_.version = summary_.version * 10 + (c - '0');
    const bool valkey = summary_.dialect == RdbDialect::valkey;
    if (summary_.version < (valkey ? kFirstValkeyVersion : 1) ||
        summary_.version > (valkey ? kLastValkeyVersion : kLastVersion)) {
      source_.fail("RDB version {} of {} is not known here", summary_.version, valkey ? "Valkey" : "Redis");
      return source_.status();
    }
    return visitor_.header(summary_.version, summary_.dialect);
  }

  static bool is_value_type(std::uint8_t first) {
    return first < kFirstOpcode && first != kEnterpriseLru && first != kEnterpriseSlot;
  }

  Status read_record(std::uint8_t opcode) {
    switch (opcode) {
      case kSelect:
        key_.db = source_.length();
        return {};
      case kExpireSeconds:
        key_.expire_at_ms = std::int64_t{source_.little_endian<std::int32_t>()} * 1000;
        return {};
      case kExpireMs:
        key_.expire_at_ms = source_.little_endian<std::int64_t>();
        return {};
      case kIdle:
        key_.idle_seconds = source_.length();
        return {};
      case kFrequency:
        key_.frequency = source_.byte();
        return {};
      case kResize: {
        const std::uint64_t keys = source_.length();
        const std::uint64_t expires = source_.length();
        return source_.ok() ? visitor_.size_hint(key_.db, keys, expires) : source_.status();
      }
      case kAux: {
        const std::string name(source_.string());
        const std::string_view value = source_.string();
        return source_.ok() ? visitor_.aux(name, value) : source_.status();
      }
      case kFunction: {
        const std::string_view code = source_.string();
        return source_.ok() ? visitor_.function(code) : source_.status();
      }
      case kFunctionPreRelease:
        return read_pre_release_function();
      case kModuleAux:
        return read_module_aux();
      case kSlotInfo:
        for (int i = 0; i < 3; ++i) source_.length();
        return {};
      case kKeyMeta:
        return summary_.dialect == RdbDialect::valkey ? read_slot_import() : read_key_meta();
      case kEnterpriseLru:
      case kEnterpriseSlot:
        source_.length();
        return {};
      default:
        source_.fail("there is no record {} here", opcode);
        return source_.status();
    }
  }

  Status read_pre_release_function() {
    const std::string name(source_.string());
    const std::string engine(source_.string());
    if (source_.length() != 0) source_.string();  // a description
    const std::string_view code = source_.string();
    return source_.ok() ? visitor_.function(fmt::format("#!{} name={}\n{}", engine, name, code)) : source_.status();
  }

  Status read_module_aux() {
    const std::uint64_t id = source_.length();
    source_.length();
    source_.length();
    if (source_.ok() && !options_.skip_unknown) {
      source_.fail("data of the module {}, which is not known here; {} leaves such data out", module_name(id),
                   options_.skip_option);
    }
    if (!skip_module_fields(source_)) return source_.status();
    ++summary_.unknown_skipped;
    return visitor_.module_aux(module_name(id));
  }

  Status read_slot_import() {
    source_.string();
    const std::uint64_t ranges = source_.length();
    for (std::uint64_t i = 0; i < 2 * ranges && source_.ok(); ++i) source_.length();
    return source_.status();
  }

  Status read_key_meta() {
    const std::uint64_t classes = source_.length();
    for (std::uint64_t i = 0; i < classes && source_.ok(); ++i) {
      source_.bytes(4);
      if (!skip_module_fields(source_)) break;
    }
    return source_.status();
  }

  Status read_key(std::uint8_t type) {
    key_.written_type = type;
    key_.key = source_.string();
    if (!source_.ok()) return source_.status();
    const RdbValueOutcome outcome = read_rdb_value(source_, type, summary_.dialect, key_.value);
    Status status;
    switch (outcome) {
      case RdbValueOutcome::failed:
        return Status::corrupt("{} (in the value of key '{}', type {}: integrity check failed)", source_.status().message(), key_.key,
                               rdb_type_name(type, summary_.dialect));
      case RdbValueOutcome::unknown:
        if (!options_.skip_unknown) {
          source_.fail("key '{}' has a value of type {}{}, which is not known here; {} leaves such keys out", key_.key,
                       rdb_type_name(type, summary_.dialect),
                       key_.value.module_id == 0 ? "" : fmt::format(" (module {})", module_name(key_.value.module_id)),
                       options_.skip_option);
          return source_.status();
        }
        ++summary_.unknown_skipped;
        status = visitor_.skipped(key_, outcome);
        break;
      case RdbValueOutcome::empty:
        ++summary_.empty_skipped;
        status = visitor_.skipped(key_, outcome);
        break;
      case RdbValueOutcome::value:
        ++summary_.keys;
        summary_.expiring_fields += key_.value.expiring_fields;
        status = visitor_.key(key_);
        break;
    }
    key_.expire_at_ms.reset();
    key_.idle_seconds.reset();
    key_.frequency.reset();
    return status;
  }

  Status read_checksum() {
    if (summary_.version < kFirstVersionWithChecksum) return {};
    const std::uint64_t computed = source_.crc();
    const auto written = source_.little_endian<std::uint64_t>();
    if (!source_.ok()) return source_.status();
    summary_.has_checksum = written != 0;
    if (options_.verify_checksum && written != 0 && written != computed) {
      source_.fail("wrong checksum: the file says {:016x}, its bytes give {:016x}", written, computed);
    }
    return source_.status();
  }

  void report_progress() {
    if (!options_.on_progress || source_.offset() < next_report_) return;
    next_report_ = source_.offset() + kProgressBytes;
    options_.on_progress(source_.offset(), source_.offset() + source_.left());
  }

  RdbSource& source_;
  const RdbReadOptions& options_;
  RdbVisitor& visitor_;
  RdbSummary summary_;
  RdbKey key_;
  std::uint64_t next_report_ = kProgressBytes;
};

}  // namespace

Status RdbVisitor::header(int, RdbDialect) { return {}; }
Status RdbVisitor::aux(std::string_view, std::string_view) { return {}; }
Status RdbVisitor::size_hint(std::uint64_t, std::uint64_t, std::uint64_t) { return {}; }
Status RdbVisitor::function(std::string_view) { return {}; }
Status RdbVisitor::module_aux(std::string_view) { return {}; }
Status RdbVisitor::skipped(const RdbKey&, RdbValueOutcome) { return {}; }

Result<RdbSummary> read_rdb(RdbSource& source, const RdbReadOptions& options, RdbVisitor& visitor) {
  return Reader(source, options, visitor).run();
}

}  // namespace stele
