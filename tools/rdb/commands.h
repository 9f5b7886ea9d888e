#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/rdb/rdb_input.h"

namespace stele::tools {

/// The sub-commands of stele-rdb. Each returns the program's exit code (ExitCode) and has said on standard error what
/// went wrong. Memory, unless said otherwise: the reader's (RdbSource), the largest value once more, and an output
/// buffer; never more for a larger file.

struct CheckOptions {
  InputOptions input;
  std::vector<std::filesystem::path> files;
  bool json = false;
  bool shallow = false;  // leaves out what needs each value to be taken apart
  std::size_t problems_max = 20;
  std::size_t memory_bytes = std::size_t{64} << 20;  // of the search for keys that occur twice; beyond, temporary files
};
int check(const CheckOptions& options);

struct InfoOptions {
  InputOptions input;
  std::filesystem::path file;
  bool json = false;
};
int info(const InfoOptions& options);

struct ListOptions {
  InputOptions input;
  std::filesystem::path file;
  bool json = false;
  bool keys_only = false;
  std::uint64_t limit = 0;  // 0: none
};
int list(const ListOptions& options);

struct CatOptions {
  InputOptions input;  // the patterns are the keys
  std::filesystem::path file;
  bool json = false;
  bool raw = false;                // a string's bytes, nothing else
  std::uint64_t elements_max = 0;  // 0: all
};
int cat(const CatOptions& options);

struct ToJsonOptions {
  InputOptions input;
  std::filesystem::path file;
  bool array = false;  // one JSON array instead of one object a line
  bool values = true;
};
int to_json(const ToJsonOptions& options);

struct ToRespOptions {
  InputOptions input;
  std::filesystem::path file;
  int redis_version = 700;
  bool replace = false;
  bool restore = false;
  bool functions = true;
};
int to_resp(const ToRespOptions& options);

struct ConvertOptions {
  InputOptions input;
  std::filesystem::path from;
  std::filesystem::path to;
  int version = 10;
  bool lossy = false;
  bool compress = true;
  bool checksum = true;
  bool force = false;
  bool functions = true;
};
int convert(const ConvertOptions& options);

/// Memory: `memory_bytes` and no more than with one file, the keys beyond that in temporary files.
struct DiffOptions {
  InputOptions input;
  std::filesystem::path a;
  std::filesystem::path b;
  bool json = false;
  bool ignore_expiry = false;
  std::uint64_t limit = 0;  // of differences shown
  std::size_t memory_bytes = std::size_t{256} << 20;
};
int diff(const DiffOptions& options);

struct MergeOptions {
  enum class OnConflict { fail, first, last };

  InputOptions input;
  std::vector<std::filesystem::path> from;
  std::filesystem::path to;
  OnConflict on_conflict = OnConflict::fail;
  int version = 0;  // 0: the highest of the files
  bool lossy = false;
  bool compress = true;
  bool checksum = true;
  bool force = false;
  std::size_t memory_bytes = std::size_t{256} << 20;
};
int merge(const MergeOptions& options);

struct TopOptions {
  enum class By { key, type, prefix, ttl };

  InputOptions input;
  std::filesystem::path file;
  bool json = false;
  By by = By::key;
  std::uint64_t count = 20;
  std::string delimiters = ":";
  std::uint64_t depth = 0;  // of prefixes; 0: as deep as they go
};
int top(const TopOptions& options);

struct ReportOptions {
  InputOptions input;
  std::filesystem::path file;
  std::filesystem::path to;
  bool force = false;
  std::string delimiters = ":";
  std::uint64_t largest = 1000;
};
int report(const ReportOptions& options);

/// Prints the status' message and returns the exit code for it: kCouldNotRun.
int failed(const Status& status);

}  // namespace stele::tools
