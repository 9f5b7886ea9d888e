#pragma once

#include <map>

#include "persistence/rdb/rdb_writer.h"
#include "tools/common/output.h"
#include "tools/rdb/rdb_input.h"

namespace stele::tools {

/// Writes what was read from RDB files to a new one. What its version has no form for is named on standard error: the
/// first kNamedMax one by one. Unless the writer is lossy, the file is then not to be used: see finish_copy().
class RdbCopy {
 public:
  static constexpr std::uint64_t kNamedMax = 20;

  RdbCopy(File& file, RdbWriteOptions options) : writer_(file, options), options_(options) {}

  Status begin() { return writer_.begin(); }
  Status aux(std::string_view name, std::string_view value) { return writer_.aux(name, value); }
  Status function(std::string_view source);
  /// How many keys there will be, for the servers that load the file.
  void expect(std::uint64_t db, std::uint64_t keys, std::uint64_t expires) { expected_[db] = {keys, expires}; }
  Status key(const RdbKey& key);
  Status end() { return writer_.end(); }

  /// Of keys and libraries.
  std::uint64_t inexpressible() const { return inexpressible_; }
  bool lossy() const { return options_.lossy; }
  std::uint64_t keys() const { return keys_; }
  std::uint64_t bytes() const { return writer_.bytes(); }
  int version() const { return options_.version; }

 private:
  void name(const std::string& what);

  RdbWriter writer_;
  const RdbWriteOptions options_;
  std::optional<std::uint64_t> db_;
  struct Expected {
    std::uint64_t keys = 0;
    std::uint64_t expires = 0;
  };
  std::map<std::uint64_t, Expected> expected_;
  std::uint64_t inexpressible_ = 0;
  std::uint64_t keys_ = 0;
};

/// Ends and commits the copy, or leaves nothing behind; says on standard error how it went. The exit code:
/// kFoundSomething if something could not be expressed and was not to be lost. `bytes_behind` the RDB part were not
/// copied.
int finish_copy(RdbCopy& copy, OutputFile& output, Status read, const std::filesystem::path& path,
                std::uint64_t bytes_behind);

}  // namespace stele::tools
