// The RDB reader: any bytes are a file of keys whose values the engine can hold, or are refused with an offset.

#include "persistence/rdb/rdb_reader.h"
#include "persistence/rdb_primitives.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_engine.h"

namespace {

using namespace stele;

struct Visitor : RdbVisitor {
  Status key(RdbKey& key) override {
    const TypeOps* ops = type_ops_of_rdb(key.value.type);
    STELE_ASSERT(ops != nullptr);
    const Result<Entry*> entry = ops->from_rdb(key.key, key.value.type, key.value.bytes, std::nullopt);
    if (!entry.ok()) {
      STELE_ASSERT(entry.status().code() == Code::corrupt);
      return Status();
    }
    fit_to_limits(**entry, key.written_type, CollectionLimits());
    const Digest digest = Keyspace::digest_value(**entry);
    std::string bytes;
    const std::uint8_t type = type_ops((*entry)->type()).append_rdb(**entry, bytes);
    Entry::destroy(*entry);
    const Result<Entry*> again = type_ops_of_rdb(type)->from_rdb(key.key, type, bytes, std::nullopt);
    STELE_ASSERT(again.ok());
    STELE_ASSERT(Keyspace::digest_value(**again) == digest);
    Entry::destroy(*again);
    return Status();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static fuzz::Engine* const engine = new fuzz::Engine;  // registers the types
  STELE_ASSERT(engine != nullptr);
  if (size == 0) return 0;
  RdbSource source(fuzz::text_of(data + 1, size - 1), "input");
  Visitor visitor;
  const RdbReadOptions options{.skip_unknown = (data[0] & 1) != 0, .verify_checksum = (data[0] & 2) != 0};
  const Result<RdbSummary> summary = read_rdb(source, options, visitor);
  if (!summary.ok()) STELE_ASSERT(!summary.status().message().empty());
  return 0;
}

std::vector<fuzz::Seed> fuzz::seeds() {
  Engine engine;
  const auto file = [](std::string_view version, std::string_view body) {
    return "\x01REDIS" + std::string(version) + std::string(body) + "\xff" + std::string(8, '\0');
  };
  const auto text = [](std::string_view bytes) {
    std::string out;
    append_rdb_string(out, bytes);
    return out;
  };
  std::string ours = "\xfa" + text("redis-ver") + text("7.0.15") + std::string("\xfe\x00\xfb\x0d\x01", 5);
  bool expires = true;
  for (const std::string& name : engine.make_samples()) {
    const std::string stored = engine.stored(name);
    if (std::exchange(expires, false)) ours += std::string("\xfc\x00\x10\x00\x00\x00\x00\x00\x00", 9);
    ours += stored[0] + text(name) + stored.substr(1);
  }
  std::string old = std::string("\xfe\x03", 2) + "\xf8\x05";
  for (const auto& [name, bytes] : legacy_samples()) old += bytes[0] + text(name) + bytes.substr(1);
  return {{"version-10", file("0010", ours)}, {"version-6", file("0006", old)},
          {"function", file("0010", "\xf5" + text("#!lua name=lib\nredis.register_function('f', function() end)"))}};
}
