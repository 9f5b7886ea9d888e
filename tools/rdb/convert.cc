// stele-rdb convert: the same keys in another version of the format, or some of them.

#include <fmt/format.h>

#include "tools/common/output.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"
#include "tools/rdb/rdb_copy.h"

namespace stele::tools {

namespace {

class Converter final : public InputVisitor {
 public:
  Converter(const ConvertOptions& options, RdbCopy& copy, std::uint64_t file_bytes)
      : InputVisitor(options.input), options_(options), copy_(copy), file_bytes_(file_bytes) {}

  Status aux(std::string_view name, std::string_view value) override {
    // The writer's place in its history is that of all its data, exactly as they were.
    if (name.starts_with("repl-") && (is_partial_ || options_.lossy)) return Status();
    return copy_.aux(name, value);
  }
  Status size_hint(std::uint64_t db, std::uint64_t keys, std::uint64_t expires) override {
    // Servers make room for so many: a file cannot ask for more than it could hold.
    if (!is_partial_ && keys <= file_bytes_ && expires <= keys) copy_.expect(db, keys, expires);
    return Status();
  }
  Status function(std::string_view source) override { return options_.functions ? copy_.function(source) : Status(); }

 protected:
  Status visit(RdbKey& key, const KeyFacts&) override { return copy_.key(key); }

 private:
  bool is_partial() const {
    const Selection& wanted = selection();
    return !wanted.patterns.empty() || !wanted.databases.empty() || !wanted.types.empty() || wanted.bytes_min ||
           wanted.bytes_max || wanted.ttl_min_ms || wanted.ttl_max_ms || wanted.only_expiring ||
           wanted.only_persistent || wanted.only_expired || wanted.no_expired || !options_.functions ||
           options_.input.skip_unknown;
  }

  const ConvertOptions& options_;
  RdbCopy& copy_;
  const std::uint64_t file_bytes_;
  const bool is_partial_ = is_partial();
};

}  // namespace

int convert(const ConvertOptions& options) {
  const Result<InputFile> input = open_input(options.from);
  if (!input.ok()) return failed(input.status());
  Result<OutputFile> output = OutputFile::create(options.to, options.force);
  if (!output.ok()) return failed(output.status());
  RdbCopy copy(
      output->file(),
      {.version = options.version, .compress = options.compress, .checksum = options.checksum, .lossy = options.lossy});
  Converter converter(options, copy, input->bytes);
  Status status = copy.begin();
  std::uint64_t end = input->bytes;
  if (status.ok()) {
    const Result<RdbSummary> summary = read_input(*input, options.input, converter);
    status = summary.status();
    if (summary.ok()) end = summary->end;
    if (summary.ok() && summary->unknown_skipped > 0) {
      complain(kRdbTool,
               fmt::format("{} values or records of modules were left out", format_count(summary->unknown_skipped)));
    }
  }
  return finish_copy(copy, *output, status, options.to, input->bytes - end);
}

}  // namespace stele::tools
