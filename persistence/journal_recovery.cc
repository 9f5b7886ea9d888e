#include <unistd.h>

#include <random>

#include <spdlog/spdlog.h>

#include "persistence/journal_opened.h"

namespace stele {
namespace {

Chain random_chain() {
  std::random_device random;
  return static_cast<Chain>(random()) << 32 | random();
}

std::optional<std::uint64_t> take_count(std::string_view& text, char kind) {
  const std::size_t end = text.find("\r\n");
  if (text.empty() || text.front() != kind || end == std::string_view::npos || end < 2 || end > 11) return std::nullopt;
  std::uint64_t count = 0;
  for (const char c : text.substr(1, end - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + static_cast<std::uint64_t>(c - '0');
  }
  text.remove_prefix(end + 2);
  return count;
}

/// Whether one whole command stands at the start of `text`: what another server would have appended to our last frame.
bool begins_with_command(std::string_view text) {
  if (const auto timestamp = parse_timestamp(text)) text.remove_prefix(timestamp->line_bytes);
  const std::optional<std::uint64_t> words = take_count(text, '*');
  if (!words || *words == 0) return false;
  for (std::uint64_t i = 0; i < *words; ++i) {
    const std::optional<std::uint64_t> bytes = take_count(text, '$');
    if (!bytes || text.size() < *bytes + 2 || text.substr(*bytes, 2) != "\r\n") return false;
    text.remove_prefix(*bytes + 2);
  }
  return true;
}

}  // namespace

Result<Journal::Opened> Journal::Opener::open() {
  STELE_TRY(const bool nothing, nothing_there());
  if (nothing) STELE_CHECK(create());
  STELE_TRY(directory_, inspect_journal(dir_, options_.base_name));
  opened_.manifest = directory_.manifest;
  const bool stock = !directory_.first_own && (directory_.base || !directory_.foreign.empty());
  if (stock) STELE_CHECK(take_over());
  STELE_CHECK(open_segments());
  STELE_CHECK(verify());
  STELE_CHECK(cut());
  clean_up();
  return std::move(opened_);
}

Status Journal::Opener::create_new() {
  STELE_TRY(const bool nothing, nothing_there());
  if (!nothing) return Status::invalid("{}: there is a journal already", dir_.native());
  return create();
}

Status Journal::create(const std::filesystem::path& dir, const JournalOptions& options) {
  STELE_CHECK(create_directories_durably(dir, *options.file_ops));
  return Opener(dir, options).create_new();
}

/// True if a journal is to be created: no manifest, and no file that one could have named. A first segment without
/// frames is what an interrupted creation leaves behind.
Result<bool> Journal::Opener::nothing_there() const {
  std::error_code error;
  if (std::filesystem::exists(manifest_path(), error)) return false;
  const std::string first = options_.base_name + ".1.incr.aof";
  for (const auto& file : std::filesystem::directory_iterator(dir_, error)) {
    const std::string name = file.path().filename().native();
    if (!name.starts_with(options_.base_name + ".")) continue;
    if (name.ends_with(".1.base.rdb") || name.ends_with(".1.base.aof")) {
      // Linked by an interrupted creation, which would do it again.
      if (!options_.create_on_base.empty()) continue;
    }
    if (name == first && file.file_size(error) <= kSegmentHeaderBytesMax) {
      STELE_TRY(const std::string text, read_whole_file(file.path(), kSegmentHeaderBytesMax));
      if (!looks_foreign(text) && text.find("#J:") == std::string::npos) continue;
    }
    return Status::corrupt("{}: {} is there, but no manifest that names it; restore {} or move the files away",
                           dir_.native(), name, manifest_path().filename().native());
  }
  if (error) return Status::io("{}: {}", dir_.native(), error.message());
  return true;
}

/// The segment first, durable, then the manifest that names it.
Status Journal::Opener::create_segment(Manifest& manifest) {
  const std::uint64_t seq = manifest.last_incr_seq() + 1;
  const std::string name = fmt::format("{}.{}.incr.aof", options_.base_name, seq);
  STELE_TRY(File file, File::open(dir_ / name, File::Mode::replace, *options_.file_ops));
  STELE_CHECK(file.write_at(0, make_segment_header(options_.replid, options_.create_at, random_chain(), options_.create_in_db)));
  STELE_CHECK(file.sync());
  STELE_CHECK(sync_directory(dir_, *options_.file_ops));
  manifest.add_incr(name, seq);
  return replace_file_durably(manifest_path(), manifest.text(), *options_.file_ops);
}

/// The file goes on to exist under its own name; whatever replaces it there does not change this link.
Status Journal::Opener::create_base(Manifest& manifest) {
  const std::filesystem::path& from = options_.create_on_base;
  STELE_TRY(File file, File::open(from, File::Mode::read));
  char head[6];
  STELE_TRY(const std::size_t bytes, file.read_at(0, head, sizeof head));
  const std::string_view text(head, bytes);
  const bool rdb = text.starts_with("REDIS") || text.starts_with("VALKEY");
  const std::string name = fmt::format("{}.1.base.{}", options_.base_name, rdb ? "rdb" : "aof");
  std::error_code error;
  std::filesystem::remove(dir_ / name, error);  // of a creation that was cut short
  std::filesystem::create_hard_link(from, dir_ / name, error);
  if (error) std::filesystem::copy_file(from, dir_ / name, error);
  if (error) return Status::io("{}: cannot become {}: {}", from.native(), (dir_ / name).native(), error.message());
  STELE_TRY(File base, File::open(dir_ / name, File::Mode::read));
  STELE_CHECK(base.sync());
  manifest.set_base(name, 1);
  return sync_directory(dir_, *options_.file_ops);
}

/// A segment of ours behind a stock server's files.
Status Journal::Opener::take_over() {
  if (!options_.take_over) {
    return Status::invalid("{}: written by a stock server, while the store beside it holds other data; move one of the two away: "
                           "the store, to load this directory, or this directory, to go on with the store",
                           dir_.native());
  }
  STELE_CHECK(create_segment(opened_.manifest));
  directory_.first_own = options_.create_at;
  return {};
}

Status Journal::Opener::create() {
  if (options_.replid.size() != 40) return Status::invalid("a replication id has 40 digits, not {}", options_.replid.size());
  if (options_.verify_from && options_.create_at < *options_.verify_from) {
    return Status::corrupt("{}: no journal here, but a checkpoint at offset {} that it should reach", dir_.native(),
                           *options_.verify_from);
  }
  Manifest manifest;
  if (!options_.create_on_base.empty()) STELE_CHECK(create_base(manifest));
  STELE_CHECK(create_segment(manifest));
  opened_.report.created = true;
  return {};
}

Result<Journal::Opener::Candidate> Journal::Opener::open_candidate(const Manifest::Entry& entry) const {
  Result<File> file = File::open(dir_ / entry.file, File::Mode::write, *options_.file_ops);
  if (!file.ok()) {
    return Status::corrupt("{}: named in the manifest, but {}", (dir_ / entry.file).native(), file.status().message());
  }
  Candidate candidate{.entry = entry, .file = std::move(*file)};
  STELE_TRY(candidate.size, candidate.file.size());
  std::string text(kSegmentHeaderBytesMax, '\0');
  STELE_TRY(const std::size_t got, candidate.file.read_at(0, text.data(), text.size()));
  text.resize(got);
  candidate.header = parse_segment_header(text);
  if (!candidate.header && looks_foreign(text)) {
    return Status::invalid("{}: written by a stock server (no segment header); it has to be imported first",
                           candidate.file.path().native());
  }
  return candidate;
}

Status Journal::Opener::open_segments() {
  std::vector<Candidate> candidates;
  for (const Manifest::Entry& entry : own_segments()) {
    STELE_TRY(Candidate candidate, open_candidate(entry));
    candidates.push_back(std::move(candidate));
  }
  STELE_CHECK(sort_out_headless(candidates));
  for (Candidate& candidate : candidates) {
    if (!opened_.segments.empty() && candidate.header->first < opened_.segments.back()->first()) {
      return Status::corrupt("{}: begins at offset {}, before the segment before it ({})",
                             candidate.file.path().native(), candidate.header->first, opened_.segments.back()->first());
    }
    auto segment = std::make_shared<Segment>(std::move(candidate.file), candidate.entry.seq, *candidate.header);
    segment->set_written_bytes(candidate.size);
    opened_.segments.push_back(std::move(segment));
    last_size_ = candidate.size;
  }
  opened_.report.segments = opened_.segments.size();
  return find_base();
}

/// Those to be loaded, and before them what a base has replaced but somebody may still need.
std::vector<Manifest::Entry> Journal::Opener::own_segments() const {
  std::vector<Manifest::Entry> own;
  const bool has_base = directory_.base && directory_.foreign.empty();
  for (const Manifest::Entry& entry : opened_.manifest.entries()) {
    if (!has_base || entry.type != Manifest::Type::history || !entry.file.ends_with(".incr.aof")) continue;
    const Result<File> file = File::open(dir_ / entry.file, File::Mode::read);
    char head[kSegmentHeaderBytesMax];
    const Result<std::size_t> bytes = file.ok() ? file->read_at(0, head, sizeof head) : Result<std::size_t>(0);
    if (bytes.ok() && parse_segment_header({head, *bytes})) {
      own.push_back(entry);
    } else {
      own.clear();  // a trim was under way: what comes before is no longer joined to the rest
    }
  }
  const std::vector<Manifest::Entry> incrs = opened_.manifest.incrs();
  own.insert(own.end(), incrs.begin() + static_cast<std::ptrdiff_t>(directory_.foreign.size()), incrs.end());
  return own;
}

Status Journal::Opener::find_base() {
  if (!directory_.base || !directory_.foreign.empty() || !directory_.first_own) {
    opened_.base.complete = opened_.segments.front()->first() == Offset(0) && !directory_.base && directory_.foreign.empty();
    return {};
  }
  std::error_code error;
  opened_.base = {.file = *directory_.base,
                  .offset = *directory_.first_own,
                  .bytes = std::filesystem::file_size(*directory_.base, error),
                  .complete = true};
  return error ? Status::io("{}: {}", directory_.base->native(), error.message()) : Status();
}

/// A file prepared for the next segment has no header until it is used; it can only be the last.
Status Journal::Opener::sort_out_headless(std::vector<Candidate>& candidates) {
  std::optional<Candidate> next;
  while (!candidates.empty() && !candidates.back().header) {
    STELE_CHECK(judge_headless(candidates.back(), true));
    // Of several, the first in the order of the stream is used; the manifest forgets the others.
    if (next) opened_.manifest.retire(next->entry.file);
    next = std::move(candidates.back());
    candidates.pop_back();
  }
  for (const Candidate& candidate : candidates) {
    if (!candidate.header) STELE_CHECK(judge_headless(candidate, false));
  }
  if (candidates.empty()) {
    return Status::corrupt("{}: none of the files in the manifest has a segment header", dir_.native());
  }
  if (next) {
    headless_bytes_ = next->size;
    opened_.next = NextFile{.file = std::move(next->file), .seq = next->entry.seq};
  }
  return {};
}

/// A header is durable before frames follow it, so one that was torn has none behind it.
Status Journal::Opener::judge_headless(const Candidate& candidate, bool last) const {
  STELE_TRY(const bool has_frames, has_frame_line(candidate.file, 0, candidate.size));
  if (last && !has_frames) return {};
  return Status::corrupt("{}: position 0: bad segment header with {} behind it; see `stele-aof fix {}`",
                         candidate.file.path().native(), has_frames ? "frames" : "segments", dir_.native());
}

std::size_t Journal::Opener::first_to_verify() const {
  std::size_t i = 0;
  if (!options_.verify_from) return i;
  while (i + 1 < opened_.segments.size() && opened_.segments[i + 1]->first() <= *options_.verify_from) ++i;
  return i;
}

Status Journal::Opener::verify() {
  const auto& segments = opened_.segments;
  if (options_.verify_from && *options_.verify_from < segments.front()->first()) {
    return Status::corrupt("{}: the journal begins at offset {}, but the checkpoint needs it from {} on", dir_.native(),
                           segments.front()->first(), *options_.verify_from);
  }
  // What the page cache holds after a failed fsync may not be what the disk holds.
  STELE_CHECK(segments.back()->file().datasync());
  segments.back()->file().forget_cached();

  for (std::size_t i = 0; i + 1 < segments.size(); ++i) segments[i]->seal();
  for (std::size_t i = first_to_verify(); i < segments.size(); ++i) STELE_CHECK(verify_segment(i));
  if (options_.verify_from && opened_.end.offset < *options_.verify_from) {
    return Status::corrupt("{}: the journal ends at offset {}, but a checkpoint was made at {}; see `stele-aof fix {}`",
                           segments.back()->file().path().native(), opened_.end.offset, *options_.verify_from,
                           dir_.native());
  }
  return {};
}

Status Journal::Opener::verify_segment(std::size_t i) {
  Segment& segment = *opened_.segments[i];
  const bool last = i + 1 == opened_.segments.size();
  FrameScanner scanner(segment.file(), segment.header().chain, segment.begin());
  FrameScanner::Step step = FrameScanner::Step::frame;
  while (step == FrameScanner::Step::frame) {
    segment.note(scanner.place());
    STELE_TRY(step, scanner.next(segment.written_bytes()));
    if (step == FrameScanner::Step::frame) opened_.report.last_frame_time = scanner.line().time;
  }
  if (step == FrameScanner::Step::bad) STELE_CHECK(judge_bad_frame(segment, scanner.place(), last));
  ++opened_.report.segments_verified;
  opened_.end = scanner.place();
  opened_.report.closed = scanner.mark_is_last() && scanner.mark()->closed && scanner.mark()->durable == opened_.end.offset;
  if (last) return {};

  const SegmentHeader& next = opened_.segments[i + 1]->header();
  if (next.first == opened_.end.offset && next.chain == opened_.end.chain) return {};
  return Status::corrupt("{}: ends at offset {}, but {} continues from {}; see `stele-aof fix {}`",
                         segment.file().path().native(), opened_.end.offset, opened_.segments[i + 1]->name(), next.first,
                         dir_.native());
}

/// Torn tail or corruption: see frame.h.
Status Journal::Opener::judge_bad_frame(const Segment& segment, const FramePlace& place, bool last) {
  bool was_durable = !last || (options_.verify_from && place.offset < *options_.verify_from);
  if (!was_durable) {
    STELE_TRY(was_durable, has_mark_beyond(segment.file(), place.position, segment.written_bytes(), place.offset,
                                           segment.header().chain));
  }
  if (was_durable) {
    return Status::corrupt("{}: position {}: bad frame at offset {}, though more was on disk once; see `stele-aof fix {}`",
                           segment.file().path().native(), place.position, place.offset, dir_.native());
  }
  return judge_tail(segment, place);
}

Status Journal::Opener::judge_tail(const Segment& segment, const FramePlace& place) {
  const std::uint64_t bytes = segment.written_bytes() - place.position;
  std::string text(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, 64 << 10)), '\0');
  STELE_TRY(const std::size_t got, segment.file().read_at(place.position, text.data(), text.size()));
  text.resize(got);
  if (begins_with_command(text)) {
    return Status::invalid(
        "{}: position {}: commands without frames after offset {}: another server has written here; they have to be "
        "imported first, or cut with `stele-aof fix {}`",
        segment.file().path().native(), place.position, place.offset, dir_.native());
  }
  opened_.report.cut_bytes = bytes;
  opened_.report.cut_file = segment.name();
  opened_.report.cut_position = place.position;
  return {};
}

/// From here on files are changed.
Status Journal::Opener::cut() {
  Segment& last = *opened_.segments.back();
  RecoveryReport& report = opened_.report;
  report.cut_from = opened_.end.offset;
  if (report.cut_bytes != 0) {
    spdlog::warn("journal: cut a torn tail of {} bytes from {} at position {}: the stream ends at offset {}",
                 report.cut_bytes, report.cut_file, report.cut_position, report.cut_from);
  }
  // Also when nothing is torn: it gives back what the last server had reserved.
  STELE_CHECK(last.file().truncate(opened_.end.position));
  STELE_CHECK(last.file().sync());
  last.set_written_bytes(opened_.end.position);
  if (!opened_.next) return {};
  if (headless_bytes_ != 0) {
    spdlog::warn("journal: cut a torn header of {} bytes from {}", headless_bytes_,
                 opened_.next->file.path().filename().native());
    report.cut_bytes += headless_bytes_;
  }
  STELE_CHECK(opened_.next->file.truncate(0));
  return opened_.next->file.sync();
}

/// What a crash left behind: temporary files, and trimmed segments whose removal did not get through.
void Journal::Opener::clean_up() {
  std::error_code error;
  for (const std::string& name : {"temp-" + manifest_path().filename().native(), std::string("temp-base.rdb"),
                                  std::string("temp-base.aof")}) {
    const std::filesystem::path temp = dir_ / name;
    if (!std::filesystem::is_regular_file(temp, error) || !std::filesystem::remove(temp, error)) continue;
    spdlog::info("journal: removed {}, left by a crash", temp.native());
  }
  const std::vector<Manifest::Entry> entries = opened_.manifest.entries();
  for (const Manifest::Entry& entry : entries) {
    if (entry.type != Manifest::Type::history) continue;
    const bool kept = std::any_of(opened_.segments.begin(), opened_.segments.end(),
                                  [&](const auto& segment) { return segment->name() == entry.file; });
    if (kept) continue;
    const Result<File> file = File::open(dir_ / entry.file, File::Mode::read);
    char text[kSegmentHeaderBytesMax];
    const Result<std::size_t> got = file.ok() ? file->read_at(0, text, sizeof text) : Result<std::size_t>(0);
    // Other history belongs to whoever made it.
    if (!got.ok() || (file.ok() && !parse_segment_header({text, *got}))) continue;
    if (file.ok() && std::filesystem::remove(dir_ / entry.file, error)) {
      spdlog::info("journal: removed the trimmed segment {}", entry.file);
    }
    opened_.manifest.forget(entry.file);
  }
}

}  // namespace stele
