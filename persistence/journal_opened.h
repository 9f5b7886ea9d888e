#pragma once

#include "persistence/journal.h"
#include "persistence/journal_directory.h"

namespace stele {

/// What recovery hands to the journal it opens.
struct Journal::Opened {
  Manifest manifest;
  std::deque<std::shared_ptr<Segment>> segments;
  std::optional<NextFile> next;
  FramePlace end;
  JournalBase base;
  RecoveryReport report;
};

/// Recovery: reads the directory, decides, and only then changes it.
///
///     read_manifest() ──► open_segments() ──► verify() ──► cut() ──► clean_up()
///            └── nothing there: create()
///
/// Each change is a truncation or the removal of what no manifest names, so an interrupted recovery ends, when it is
/// run again, where an undisturbed one does.
class Journal::Opener {
 public:
  Opener(const std::filesystem::path& dir, const JournalOptions& options) : dir_(dir), options_(options) {}

  Result<Opened> open();
  /// Only where nothing is.
  Status create_new();

 private:
  struct Candidate {
    Manifest::Entry entry;
    File file;
    std::uint64_t size = 0;
    std::optional<SegmentHeader> header;
  };

  Result<bool> nothing_there() const;
  Status create();
  Status create_base(Manifest& manifest);
  Status open_segments();
  std::vector<Manifest::Entry> own_segments() const;
  Result<Candidate> open_candidate(const Manifest::Entry& entry) const;
  Status sort_out_headless(std::vector<Candidate>& candidates);
  Status create_segment(Manifest& manifest);
  Status find_base();
  Status take_over();
  Status judge_headless(const Candidate& candidate, bool last) const;
  Status verify();
  std::size_t first_to_verify() const;
  Status verify_segment(std::size_t i);
  Status judge_bad_frame(const Segment& segment, const FramePlace& place, bool last);
  Status judge_tail(const Segment& segment, const FramePlace& place);
  Status cut();
  void clean_up();

  std::filesystem::path manifest_path() const { return dir_ / (options_.base_name + ".manifest"); }

  const std::filesystem::path& dir_;
  const JournalOptions& options_;
  Opened opened_;
  JournalDirectory directory_;
  std::uint64_t last_size_ = 0;       // of the last segment's file, as found
  std::uint64_t headless_bytes_ = 0;  // junk in the file prepared for the next segment
};

}  // namespace stele
