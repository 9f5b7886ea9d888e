#include "tools/common/output.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include "tools/common/text.h"

namespace stele::tools {

namespace {

// What the signal handler removes: it may not look at anything that changes under it.
char temporary_path[PATH_MAX];
volatile sig_atomic_t temporary_exists = 0;

void remove_temporary(int number) {
  if (temporary_exists) ::unlink(temporary_path);
  ::signal(number, SIG_DFL);
  ::raise(number);
}

}  // namespace

Status Output::flush() {
  std::string_view left = text_;
  while (!left.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return status_from_errno(errno, "write", "standard output");
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  text_.clear();
  // One huge value is no reason to keep its size.
  if (text_.capacity() > 16 * kFlushBytes) text_.shrink_to_fit();
  return Status();
}

bool Output::is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

Result<OutputFile> OutputFile::create(const std::filesystem::path& path, bool replace) {
  std::error_code error;
  if (!replace && std::filesystem::exists(path, error)) {
    return Status::invalid("{} exists; --force replaces it", path.native());
  }
  if (!path.has_filename()) return Status::invalid("{} is no name for a file", path.native());
  const std::filesystem::path temporary =
      path.parent_path() / fmt::format(".{}.{}.tmp", path.filename().native(), ::getpid());
  if (temporary.native().size() >= sizeof temporary_path)
    return Status::invalid("{}: the name is too long", path.native());
  STELE_ASSERT(!temporary_exists);
  std::strcpy(temporary_path, temporary.c_str());
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, remove_temporary);
  STELE_TRY(File file, File::open(temporary, File::Mode::replace));
  temporary_exists = 1;
  return OutputFile(std::move(file), path);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : file_(std::move(other.file_)), path_(std::move(other.path_)), pending_(std::exchange(other.pending_, false)) {}

OutputFile::~OutputFile() {
  if (!pending_) return;
  ::unlink(file_.path().c_str());
  temporary_exists = 0;
}

Status OutputFile::commit() {
  STELE_CHECK(file_.sync());
  if (std::rename(file_.path().c_str(), path_.c_str()) != 0) return status_from_errno(errno, "rename", file_.path());
  temporary_exists = 0;
  pending_ = false;
  return sync_directory(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
}

void complain(std::string_view program, std::string_view message) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", std::string(program).c_str(), printable(message).c_str());
}

}  // namespace stele::tools
