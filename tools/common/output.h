#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "persistence/file.h"
#include "persistence/status.h"

namespace stele::tools {

/// What a program's exit code says. All tools agree on it.
enum ExitCode : int {
  kGood = 0,
  kFoundSomething = 1,  // damage, differences, what a format cannot express: what the tool is there to find
  kCouldNotRun = 2,     // wrong arguments, no such file, no space
};

/// Standard output with a buffer of its own. Writing to a pipe that nobody reads ends the program by SIGPIPE, as usual.
class Output {
 public:
  static constexpr std::size_t kFlushBytes = 256 * 1024;

  /// What is appended here is written by the next flush.
  std::string& text() { return text_; }
  /// Writes when enough has been gathered.
  Status spill() { return text_.size() < kFlushBytes ? Status() : flush(); }
  Status flush();

  static bool is_terminal();

 private:
  std::string text_;
};

/// A file that is there in full or not at all: written under a temporary name in the same directory, and renamed by
/// commit(). Without a commit, also when the program ends by SIGINT, SIGTERM or SIGHUP, nothing of it is left. One at a
/// time.
class OutputFile {
 public:
  /// `invalid` if `path` exists and `replace` is not set.
  static Result<OutputFile> create(const std::filesystem::path& path, bool replace);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  File& file() { return file_; }
  /// Syncs, renames, syncs the directory.
  Status commit();

 private:
  OutputFile(File file, std::filesystem::path path) : file_(std::move(file)), path_(std::move(path)) {}

  File file_;
  std::filesystem::path path_;
  bool pending_ = true;
};

/// "stele-rdb: <message>" on standard error, made printable.
void complain(std::string_view program, std::string_view message);

}  // namespace stele::tools
