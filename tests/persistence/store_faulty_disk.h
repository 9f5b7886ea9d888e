#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

namespace stele {

/// The machine's files, until they are full or the power is cut.
///
/// It knows what a power cut would leave. A file's bytes are durable as of its last sync; which names a directory has,
/// as of the directory's last sync. The cut comes before the n-th operation that changes or syncs anything: from then on
/// every one of them fails, and restore() writes out what is left.
class FaultyDisk : public rocksdb::FileSystemWrapper {
 public:
  enum class Left { synced, everything };  // of the bytes, and of the names: the kernel may have written more

  FaultyDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

  const char* Name() const override { return "FaultyDisk"; }

  /// What is in `dir` now is durable. The cut comes `operations` from now.
  void arm(const std::filesystem::path& dir, std::uint64_t operations) {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
      if (!entry.is_regular_file()) continue;
      const auto [name, is_new] = names_.try_emplace(entry.path().native(), next_file_);
      if (is_new) ++next_file_;
      synced_bytes_[name->second] = read(entry.path());
    }
    synced_names_ = names_;
    operations_left_ = operations;
  }

  bool cut() const {
    const std::lock_guard lock(mutex_);
    return operations_left_ == 0;
  }

  /// Puts into `dir` what the cut left of `from`.
  void restore(const std::filesystem::path& from, const std::filesystem::path& dir, Left names, Left bytes) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, file] : names == Left::synced ? synced_names_ : names_) {
      const std::filesystem::path target = dir / std::filesystem::relative(name, from);
      std::filesystem::create_directories(target.parent_path());
      const auto& source = bytes == Left::synced ? synced_bytes_ : bytes_at_cut_;
      const auto found = source.find(file);
      std::ofstream(target, std::ios::binary) << (found == source.end() ? std::string() : found->second);
    }
  }

  /// From now on nothing more fits, until freed.
  void fill() { full_ = true; }
  /// The first so many writes to files named so still fit.
  void fill_after(std::uint64_t writes, std::string part_of_name) {
    const std::lock_guard lock(mutex_);
    fills_at_ = std::move(part_of_name);
    writes_left_ = writes;
  }
  void free() {
    const std::lock_guard lock(mutex_);
    fills_at_.clear();
    full_ = false;
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    const std::lock_guard lock(mutex_);
    if (rocksdb::IOStatus status = next(); !status.ok()) return status;
    if (full_) return rocksdb::IOStatus::NoSpace(name);
    rocksdb::IOStatus status = target()->NewWritableFile(name, options, result, debug);
    if (!status.ok()) return status;
    names_[name] = next_file_;
    *result = std::make_unique<File>(*this, name, next_file_++, std::move(*result));
    return status;
  }
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* debug) override {
    const std::lock_guard lock(mutex_);
    rocksdb::IOStatus status = target()->ReopenWritableFile(name, options, result, debug);
    if (status.ok()) *result = std::make_unique<File>(*this, name, names_[name], std::move(*result));
    return status;
  }
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewDirectory(name, options, result, debug);
    if (status.ok()) *result = std::make_unique<Directory>(*this, name, std::move(*result));
    return status;
  }
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    const std::lock_guard lock(mutex_);
    if (rocksdb::IOStatus status = next(); !status.ok()) return status;
    names_.erase(name);
    return target()->DeleteFile(name, options, debug);
  }
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    const std::lock_guard lock(mutex_);
    if (rocksdb::IOStatus status = next(); !status.ok()) return status;
    names_[to] = names_[from];
    names_.erase(from);
    return target()->RenameFile(from, to, options, debug);
  }
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
    const std::lock_guard lock(mutex_);
    if (rocksdb::IOStatus status = next(); !status.ok()) return status;
    names_[to] = names_[from];
    return target()->LinkFile(from, to, options, debug);
  }

 private:
  class File : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(FaultyDisk& disk, std::string name, std::uint64_t number, std::unique_ptr<rocksdb::FSWritableFile> target)
        : FSWritableFileOwnerWrapper(std::move(target)), disk_(disk), name_(std::move(name)), number_(number) {}

    using FSWritableFileOwnerWrapper::Append;
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      const std::lock_guard lock(disk_.mutex_);
      if (rocksdb::IOStatus status = disk_.next(); !status.ok()) return status;
      if (!disk_.fills_at_.empty() && name_.find(disk_.fills_at_) != std::string::npos && disk_.writes_left_-- == 0) {
        disk_.full_ = true;
      }
      if (disk_.full_) return rocksdb::IOStatus::NoSpace(name_);
      return target()->Append(data, options, debug);
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
      const std::lock_guard lock(disk_.mutex_);
      if (rocksdb::IOStatus status = disk_.next(); !status.ok()) return status;
      rocksdb::IOStatus status = target()->Sync(options, debug);
      if (status.ok()) disk_.synced_bytes_[number_] = read(name_);
      return status;
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
      return Sync(options, debug);
    }

   private:
    FaultyDisk& disk_;
    const std::string name_;
    const std::uint64_t number_;
  };

  class Directory : public rocksdb::FSDirectoryWrapper {
   public:
    Directory(FaultyDisk& disk, std::string name, std::unique_ptr<rocksdb::FSDirectory> target)
        : FSDirectoryWrapper(std::move(target)), disk_(disk), name_(std::move(name)) {}

    rocksdb::IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return sync(); }
    rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions&, rocksdb::IODebugContext*,
                                          const rocksdb::DirFsyncOptions&) override {
      return sync();
    }

   private:
    rocksdb::IOStatus sync() {
      const std::lock_guard lock(disk_.mutex_);
      if (rocksdb::IOStatus status = disk_.next(); !status.ok()) return status;
      const std::filesystem::path dir = std::filesystem::path(name_ + "/").parent_path();
      const auto inside = [&](const auto& entry) { return std::filesystem::path(entry.first).parent_path() == dir; };
      std::erase_if(disk_.synced_names_, inside);
      for (const auto& entry : disk_.names_) {
        if (inside(entry)) disk_.synced_names_.insert(entry);
      }
      return rocksdb::IOStatus::OK();
    }

    FaultyDisk& disk_;
    const std::string name_;
  };

  static std::string read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }

  /// Counts an operation, under mutex_; an error once the power is gone.
  rocksdb::IOStatus next() {
    if (operations_left_ == 0) return rocksdb::IOStatus::IOError("the power is cut");
    if (--operations_left_ > 0) return rocksdb::IOStatus::OK();
    for (const auto& [name, file] : names_) bytes_at_cut_[file] = read(name);
    return rocksdb::IOStatus::IOError("the power is cut");
  }

  mutable std::mutex mutex_;  // guards all below
  std::uint64_t operations_left_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t next_file_ = 1;
  std::map<std::string, std::uint64_t> names_;
  std::map<std::string, std::uint64_t> synced_names_;
  std::map<std::uint64_t, std::string> synced_bytes_;
  std::map<std::uint64_t, std::string> bytes_at_cut_;
  std::string fills_at_;
  std::uint64_t writes_left_ = 0;

  std::atomic<bool> full_ = false;
};

}  // namespace stele
