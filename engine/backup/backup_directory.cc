#include "engine/backup/backup_directory.h"

#include <algorithm>
#include <charconv>

#include "engine/backup/checksum.h"
#include "persistence/file.h"

namespace stele {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kVersionLine = "stele-backup 1";
constexpr std::uint64_t kManifestBytesMax = std::uint64_t{256} << 20;
constexpr std::size_t kBytesPerRead = std::size_t{1} << 20;

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// A path that stays within the directory: the manifest vouches for its own bytes, not for whoever wrote them.
bool is_inside(std::string_view path) {
  const fs::path parts(path);
  if (path.empty() || parts.is_absolute()) return false;
  return std::none_of(parts.begin(), parts.end(), [](const fs::path& part) { return part == ".."; });
}

/// Takes words off the front of a line; after the first that does not fit, `ok` is false.
struct Words {
  std::string_view rest;
  bool ok = true;

  std::string_view word() {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ok &= !word.empty();
    return word;
  }
  std::string hex(std::size_t digits) {
    const std::string_view text = word();
    ok &= is_hex(text, digits);
    return std::string(text);
  }
  template <typename Integer>
  Integer integer(int base = 10) {
    const std::string_view text = word();
    Integer value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    ok &= error == std::errc() && end == text.data() + text.size();
    return value;
  }
  std::uint64_t number() { return integer<std::uint64_t>(); }
  Offset offset() { return Offset(number()); }
  UnixTime time() { return UnixTime(integer<std::int64_t>()); }
  BackupFile file() {
    BackupFile file;
    file.path = word();
    ok &= is_inside(file.path);
    file.bytes = number();
    file.checksum = hex(32);
    return file;
  }
  bool ended() const { return ok && rest.empty(); }
};

void append_file(std::string& out, const BackupFile& file) {
  fmt::format_to(std::back_inserter(out), "{} {} {}", file.path, file.bytes, file.checksum);
}

/// The lines before `check`, if that one fits them.
Result<std::string_view> checked_lines(std::string_view text) {
  const std::size_t at = text.rfind("\ncheck ");
  if (!text.starts_with("stele-backup ")) return Status::corrupt("does not begin as a file of a backup does");
  if (at == std::string_view::npos) return Status::corrupt("has no checksum: it was cut short");
  const std::string_view lines = text.substr(0, at + 1);
  if (text.substr(at + 1) != fmt::format("check {}\n", Checksum::of(lines))) return Status::corrupt("its checksum does not fit");
  if (!lines.starts_with(fmt::format("{}\n", kVersionLine))) {
    return Status::invalid("a later version wrote it: {}", lines.substr(0, lines.find('\n')));
  }
  return lines;
}

std::string with_check(std::string lines) { return fmt::format("{}check {}\n", lines, Checksum::of(lines)); }

Status take_line(Backup& backup, Words words) {
  const std::string_view what = words.word();
  if (what == "server") {
    backup.server = words.hex(32);
  } else if (what == "number") {
    backup.number = words.number();
  } else if (what == "kind") {
    const std::string_view kind = words.word();
    words.ok &= kind == "full" || kind == "incremental";
    backup.kind = kind == "full" ? Backup::Kind::full : Backup::Kind::incremental;
  } else if (what == "parent") {
    backup.parent = words.number();
  } else if (what == "taken-at") {
    backup.taken_at = words.time();
  } else if (what == "version") {
    backup.server_version = words.word();
  } else if (what == "replid") {
    backup.replid = words.hex(40);
  } else if (what == "previous") {
    const std::string_view replid = words.word();
    words.ok &= replid == "-" || is_hex(replid, 40);
    if (replid != "-") backup.previous_replid = replid;
    backup.previous_end = words.offset();
  } else if (what == "state") {
    backup.state = words.offset();
  } else if (what == "end") {
    backup.end = words.offset();
    backup.chain = words.integer<Chain>(16);
    backup.stream_db = words.integer<int>();
  } else if (what == "store") {
    backup.store.push_back(words.file());
  } else if (what == "segment") {
    BackupSegment segment;
    segment.file = words.file();
    segment.first = words.offset();
    segment.end = words.offset();
    segment.segment_bytes = words.number();
    segment.first_time = words.time();
    segment.last_time = words.time();
    segment.replid = words.hex(40);
    backup.segments.push_back(std::move(segment));
  } else {
    return Status::corrupt("a line begins with \"{:.40}\"", what);
  }
  if (!words.ended()) return Status::corrupt("the line \"{}\" is malformed", what);
  return {};
}

/// That the parts make up a state.
Status check_parts(const Backup& backup) {
  if (backup.number == 0 || backup.server.empty() || backup.replid.empty()) return Status::corrupt("lines are missing");
  if (backup.state > backup.end) return Status::corrupt("the store is ahead of the stream");
  if (backup.store.empty()) return Status::corrupt("no files of the store are named");
  Offset at = backup.segments.empty() ? backup.end : backup.segments.front().first;
  if (at > backup.state) return Status::corrupt("the stream between offsets {} and {} is not there", backup.state, at);
  for (const BackupSegment& segment : backup.segments) {
    if (segment.first != at || segment.end < segment.first) return Status::corrupt("the stream has a gap at offset {}", at);
    at = segment.end;
  }
  if (at != backup.end) return Status::corrupt("the stream ends at offset {}, not at {}", at, backup.end);
  return {};
}

}  // namespace

std::string_view name_of(Backup::Kind kind) { return kind == Backup::Kind::full ? "full" : "incremental"; }

std::vector<const BackupFile*> Backup::files() const {
  std::vector<const BackupFile*> files;
  for (const BackupFile& file : store) files.push_back(&file);
  for (const BackupSegment& segment : segments) files.push_back(&segment.file);
  return files;
}

std::uint64_t Backup::bytes() const {
  std::uint64_t bytes = 0;
  for (const BackupFile* file : files()) bytes += file->bytes;
  return bytes;
}

std::uint64_t Backup::bytes_added() const {
  const std::string own = backup_folder_name(number) + "/";
  std::uint64_t bytes = 0;
  for (const BackupFile* file : files()) bytes += file->path.starts_with(own) ? file->bytes : 0;
  return bytes;
}

std::string backup_text(const Backup& backup) {
  std::string out;
  const auto line = [&](fmt::string_view format, const auto&... args) {
    fmt::vformat_to(std::back_inserter(out), format, fmt::make_format_args(args...));
    out.push_back('\n');
  };
  line("{}", kVersionLine);
  line("server {}", backup.server);
  line("number {}", backup.number);
  line("kind {}", name_of(backup.kind));
  line("parent {}", backup.parent);
  line("taken-at {}", backup.taken_at.ms());
  line("version {}", backup.server_version);
  line("replid {}", backup.replid);
  line("previous {} {}", backup.previous_replid.empty() ? "-" : backup.previous_replid, backup.previous_end);
  line("state {}", backup.state);
  line("end {} {:016x} {}", backup.end, backup.chain, backup.stream_db);
  for (const BackupFile& file : backup.store) {
    out += "store ";
    append_file(out, file);
    out.push_back('\n');
  }
  for (const BackupSegment& segment : backup.segments) {
    out += "segment ";
    append_file(out, segment.file);
    line(" {} {} {} {} {} {}", segment.first, segment.end, segment.segment_bytes, segment.first_time.ms(), segment.last_time.ms(),
         segment.replid);
  }
  return with_check(std::move(out));
}

Result<Backup> parse_backup(std::string_view text) {
  STELE_TRY(std::string_view lines, checked_lines(text));
  Backup backup;
  lines.remove_prefix(kVersionLine.size() + 1);
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    STELE_CHECK(take_line(backup, Words{lines.substr(0, end)}));
    lines.remove_prefix(end + 1);
  }
  STELE_CHECK(check_parts(backup));
  return backup;
}

std::string backup_manifest_name(std::uint64_t number) { return fmt::format("{:06}.backup", number); }
std::string backup_folder_name(std::uint64_t number) { return fmt::format("{:06}", number); }

std::optional<std::uint64_t> backup_number(std::string_view name) {
  if (name.ends_with(".backup")) name.remove_suffix(7);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || name != backup_folder_name(number)) return std::nullopt;
  return number;
}

std::string backup_mark_text(std::string_view server) { return with_check(fmt::format("{}\nserver {}\n", kVersionLine, server)); }

Result<BackupDirectory> BackupDirectory::open(fs::path dir) {
  std::error_code error;
  if (!fs::is_directory(dir, error)) {
    if (fs::exists(dir, error)) return Status::invalid("{}: not a directory", dir.native());
    return Status::unavailable("{}: there is no such directory", dir.native());
  }
  const fs::path mark = dir / kBackupMarkFile;
  if (!fs::exists(mark, error)) {
    bool empty = true;
    for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
      // The second is of a first backup that a crash cut short.
      empty &= entry.path().filename() == "LOCK" || entry.path().filename() == fmt::format("temp-{}", kBackupMarkFile);
    }
    if (error) return Status::io("{}: {}", dir.native(), error.message());
    if (empty) return Status::unavailable("{}: no backups are there", dir.native());
    return Status::invalid("{}: holds something that is no backup of stele ({} is missing)", dir.native(), kBackupMarkFile);
  }
  BackupDirectory directory;
  STELE_TRY(const std::string text, read_whole_file(mark, kManifestBytesMax));
  const Result<std::string_view> lines = checked_lines(text);
  if (!lines.ok()) {
    return lines.status().code() == Code::invalid ? Status::invalid("{}: {}", mark.native(), lines.status().message())
                                                  : Status::corrupt("{}: {}", mark.native(), lines.status().message());
  }
  Words words{lines->substr(kVersionLine.size() + 1, lines->size() - kVersionLine.size() - 2)};
  const bool named = words.word() == "server";
  directory.server_ = words.hex(32);
  if (!named || !words.ended()) return Status::corrupt("{}: malformed", mark.native());
  directory.path_ = std::move(dir);

  for (const fs::directory_entry& entry : fs::directory_iterator(directory.path_, error)) {
    const std::string name = entry.path().filename().native();
    const std::optional<std::uint64_t> number = backup_number(name);
    if (!number || !name.ends_with(".backup")) continue;
    const Result<std::string> bytes = read_whole_file(entry.path(), kManifestBytesMax);
    Result<Backup> backup = bytes.ok() ? parse_backup(*bytes) : Result<Backup>(bytes.status());
    if (backup.ok() && (backup->number != *number || backup->server != directory.server_)) {
      backup = Status::corrupt("belongs elsewhere: it is backup {} of server {}", backup->number, backup->server);
    }
    if (backup.ok()) {
      directory.backups_.push_back(std::move(*backup));
    } else {
      directory.damaged_.push_back({*number, Status::corrupt("{}: {}", entry.path().native(), backup.status().message())});
    }
  }
  if (error) return Status::io("{}: {}", directory.path_.native(), error.message());
  std::sort(directory.backups_.begin(), directory.backups_.end(), [](const Backup& a, const Backup& b) { return a.number < b.number; });
  std::sort(directory.damaged_.begin(), directory.damaged_.end(), [](const Damaged& a, const Damaged& b) { return a.number < b.number; });
  return directory;
}

Result<Backup> BackupDirectory::find(std::uint64_t number) const {
  for (const Backup& backup : backups_) {
    if (backup.number == number) return backup;
  }
  for (const Damaged& damaged : damaged_) {
    if (damaged.number == number) return damaged.status;
  }
  return Status::unavailable("{}: there is no backup {}", path_.native(), number);
}

Result<Backup> BackupDirectory::last() const {
  if (!damaged_.empty() && (backups_.empty() || damaged_.back().number > backups_.back().number)) return damaged_.back().status;
  if (backups_.empty()) return Status::unavailable("{}: no backups are there", path_.native());
  return backups_.back();
}

Status BackupDirectory::verify(const BackupFile& expected, BackupProgress* progress) const {
  const fs::path path = path_ / expected.path;
  Result<File> file = File::open(path, File::Mode::read);
  if (!file.ok()) return Status::corrupt("{}: cannot be read: {}", path.native(), file.status().message());
  STELE_TRY(const std::uint64_t bytes, file->size());
  if (bytes != expected.bytes) return Status::corrupt("{}: has {} bytes, was written with {}", path.native(), bytes, expected.bytes);
  Checksum sum;
  std::string buffer(kBytesPerRead, '\0');
  for (std::uint64_t at = 0; at < bytes;) {
    if (progress != nullptr) STELE_CHECK(progress->check());
    STELE_TRY(const std::size_t got, file->read_at(at, buffer.data(), buffer.size()));
    if (got == 0) return Status::corrupt("{}: ends at byte {} of {}", path.native(), at, bytes);
    sum.add({buffer.data(), got});
    at += got;
    if (progress != nullptr) progress->bytes_done += got;
  }
  if (sum.hex() != expected.checksum) {
    return Status::corrupt("{}: its bytes are not those that were written: checksum {}, expected {}", path.native(), sum.hex(),
                           expected.checksum);
  }
  return {};
}

Status BackupDirectory::verify(const Backup& backup, BackupProgress* progress) const {
  if (progress != nullptr) progress->bytes_total += backup.bytes();
  for (const BackupFile* file : backup.files()) STELE_CHECK(verify(*file, progress));
  return {};
}

}  // namespace stele
