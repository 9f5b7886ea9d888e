// The base of the manifest: what a stock server loads before the segments.

#include <unistd.h>

#include <spdlog/spdlog.h>

#include "persistence/journal.h"

namespace stele {

void Journal::begin_segment(int db) {
  STELE_ASSERT(batch_.empty());
  db_ = db;
  const std::lock_guard lock(mutex_);
  const bool begins_here = rotations_pending_ == 0 && active_->first() == end_.load(std::memory_order_relaxed);
  if (!begins_here) hand_over_rotation(replid_);
}

JournalBase Journal::base() const {
  const std::lock_guard lock(segments_mutex_);
  return base_;
}

/// The journal thread begins the segment; that its header is durable is what lets the base rely on it.
Status Journal::await_segment_at(Offset at) {
  STELE_CHECK(sync());
  const std::lock_guard lock(segments_mutex_);
  for (const auto& segment : segments_) {
    if (segment->first() == at) return {};
  }
  return Status::invalid("{}: no segment begins at offset {}", dir_.native(), at);
}

Status Journal::adopt_base(const std::filesystem::path& file, Offset at) {
  STELE_CHECK(await_segment_at(at));
  std::error_code error;
  const std::uint64_t bytes = std::filesystem::file_size(file, error);
  if (error || bytes == 0) return Status::io("{}: {}", file.native(), error ? error.message() : "is empty");

  const std::lock_guard files_lock(files_mutex_);
  Manifest manifest = manifest_;
  const std::vector<Manifest::Entry> before = manifest.entries();
  std::uint64_t seq = 1;
  for (const Manifest::Entry& entry : before) {
    if (entry.file.ends_with(".base.rdb") || entry.file.ends_with(".base.aof")) seq = std::max(seq, entry.seq + 1);
  }
  const std::string name = fmt::format("{}.{}.base{}", options_.base_name, seq, file.extension().native());
  manifest.set_base(name, seq);
  std::vector<std::string> replaced;  // no segments of ours
  {
    // Segments before the base become history: kept for as long as somebody needs them, but no longer loaded.
    const std::lock_guard lock(segments_mutex_);
    for (const Manifest::Entry& entry : before) {
      const auto own = std::find_if(segments_.begin(), segments_.end(), [&](const auto& s) { return s->name() == entry.file; });
      if (own != segments_.end()) {
        if ((*own)->first() < at) manifest.retire(entry.file);
        continue;
      }
      const bool is_next = entry.type == Manifest::Type::incr && entry.seq > segments_.back()->seq();
      if (is_next) continue;
      manifest.retire(entry.file);
      replaced.push_back(entry.file);
    }
  }
  if (::rename(file.c_str(), (dir_ / name).c_str()) != 0) return status_from_errno(errno, "rename", file);
  STELE_CHECK(sync_directory(dir_, *options_.file_ops));
  STELE_CHECK(replace_file_durably(dir_ / (options_.base_name + ".manifest"), manifest.text(), *options_.file_ops));
  manifest_ = std::move(manifest);
  {
    const std::lock_guard lock(segments_mutex_);
    base_ = {.file = dir_ / name, .offset = at, .bytes = bytes, .complete = true};
  }
  retired_.insert(retired_.end(), replaced.begin(), replaced.end());
  remove_retired();
  spdlog::info("journal: {} of {} bytes is the base from offset {} on", name, bytes, at);
  return sync_directory(dir_, *options_.file_ops);
}

/// The manifest has been written already. Callers hold files_mutex_.
void Journal::remove_retired() {
  for (const std::string& file : std::exchange(retired_, {})) {
    ::unlink((dir_ / file).c_str());
    manifest_.forget(file);
  }
}

}  // namespace stele
