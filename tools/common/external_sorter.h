#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/byte_buffer.h"
#include "persistence/file.h"
#include "persistence/status.h"

namespace stele::tools {

/// Sorts any number of records in bounded memory. What does not fit goes to temporary files as sorted runs, which are
/// then merged:
///
///     add() ... add()  ──►  finish()  ──►  next() ... next()
///
/// Records come in the order of their keys' bytes, equal ones as they were added. The files have no name, so nothing is
/// left however the program ends; they take about what the records take.
///
/// Memory: `memory_bytes`, and a buffer of 64 KiB or the longest record for each run.
class ExternalSorter {
 public:
  /// Temporary files go to `directory`.
  ExternalSorter(std::size_t memory_bytes, std::filesystem::path directory);
  ~ExternalSorter();
  ExternalSorter(const ExternalSorter&) = delete;
  ExternalSorter& operator=(const ExternalSorter&) = delete;

  Status add(std::string_view key, std::string_view payload);
  Status finish();
  /// False at the end. The views are valid until the next call.
  Result<bool> next(std::string_view& key, std::string_view& payload);

  std::size_t runs() const { return runs_.size(); }

 private:
  class Run;

  void sort();
  Status spill();

  const std::size_t memory_bytes_;
  const std::filesystem::path directory_;
  ByteBuffer records_;                 // key bytes (4) | payload bytes (4) | key | payload
  std::vector<std::uint64_t> places_;  // of each, in records_
  std::size_t next_place_ = 0;         // when there are no runs
  std::vector<std::unique_ptr<Run>> runs_;
  std::vector<Run*> heap_;
  Run* last_ = nullptr;  // whose record next() returned
};

/// $TMPDIR, else /tmp.
std::filesystem::path temporary_directory();

}  // namespace stele::tools
