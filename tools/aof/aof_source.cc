#include "tools/aof/aof_source.h"

#include "persistence/file.h"
#include "persistence/journal_directory.h"
#include "persistence/rdb/rdb_reader.h"
#include "persistence/segment.h"
#include "tools/common/progress.h"
#include "tools/common/text.h"

namespace stele::tools {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kManifestSuffix = ".manifest";

/// Manifests in `dir` itself.
std::vector<fs::path> manifests_in(const fs::path& dir) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    const std::string name = entry.path().filename().native();
    if (name.ends_with(kManifestSuffix) && !name.starts_with("temp-")) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string names_of(const std::vector<fs::path>& paths) {
  std::string names;
  for (const fs::path& path : paths) names += (names.empty() ? "" : ", ") + path.native();
  return names;
}

/// Whether `text` can be a manifest: one of its lines says `file`, as redis-check-aof tells them.
bool looks_like_manifest(std::string_view text) { return text.starts_with("file ") || text.find("\nfile ") != std::string_view::npos; }

Result<AofSource> open_manifest(const fs::path& named, const fs::path& manifest) {
  AofSource source{.named = named, .dir = manifest.parent_path(), .manifest = manifest};
  if (source.dir.empty()) source.dir = ".";
  STELE_TRY(const std::string text, read_whole_file(manifest, kManifestBytesMax));
  const Result<Manifest> parsed = Manifest::parse(text);
  if (!parsed.ok()) return Status::corrupt("{}: {}", manifest.native(), parsed.status().message());
  const auto add = [&](const Manifest::Entry& entry) -> Status {
    Result<AofFile> file = look_at_file(source.dir / entry.file, entry.type);
    if (!file.ok()) {
      return Status::corrupt("{}: named in {}, but {}", entry.file, manifest.native(), file.status().message());
    }
    source.files.push_back(std::move(*file));
    return Status();
  };
  const std::vector<Manifest::Entry> incrs = parsed->incrs();
  for (const Manifest::Entry& entry : parsed->entries()) {
    if (entry.type != Manifest::Type::history) continue;
    // What was kept and is joined to the rest: segments only.
    const Result<AofFile> file = look_at_file(source.dir / entry.file, entry.type);
    if (file.ok() && file->kind == AofFile::Kind::segment) {
      source.files.push_back(*file);
    } else if (entry.file.ends_with(".incr.aof")) {
      source.files.clear();
    }
  }
  source.first_loaded = source.files.size();
  if (const auto base = parsed->base()) STELE_CHECK(add(*base));
  for (const Manifest::Entry& entry : incrs) STELE_CHECK(add(entry));
  std::uint64_t bytes = 0;
  for (std::size_t i = source.first_loaded; i < source.files.size(); ++i) {
    source.files[i].stock_offset = bytes;
    bytes += source.files[i].bytes;
  }
  return source;
}

class NoVisitor final : public RdbVisitor {
 public:
  Status key(RdbKey&) override { return Status(); }
};

}  // namespace

bool AofSource::has_segments() const {
  return std::any_of(files.begin(), files.end(), [](const AofFile& file) { return file.kind == AofFile::Kind::segment; });
}

const AofFile* AofSource::base() const {
  for (const AofFile& file : files) {
    if (file.type == Manifest::Type::base) return &file;
  }
  return nullptr;
}

bool AofSource::may_have_commands(std::size_t index) const {
  const AofFile& file = files[index];
  const bool ours = index + 1 == files.size() ? has_segments() : files[index + 1].kind == AofFile::Kind::segment;
  return file.kind != AofFile::Kind::rdb || file.type != Manifest::Type::base || !ours;
}

bool AofSource::is_last(std::size_t index) const {
  if (files[index].kind != AofFile::Kind::segment) return index + 1 == files.size();
  return std::all_of(files.begin() + static_cast<std::ptrdiff_t>(index) + 1, files.end(),
                     [](const AofFile& file) { return file.kind == AofFile::Kind::blank; });
}

std::string_view kind_name(AofFile::Kind kind) {
  switch (kind) {
    case AofFile::Kind::rdb: return "RDB";
    case AofFile::Kind::commands: return "commands";
    case AofFile::Kind::segment: return "segment";
    case AofFile::Kind::blank: return "empty";
    case AofFile::Kind::unknown: return "unknown";
  }
  return "";
}

Result<AofFile> look_at_file(const fs::path& path, Manifest::Type type) {
  AofFile out{.path = path, .name = path.filename().native(), .type = type};
  std::error_code error;
  if (const auto kind = fs::status(path, error).type(); kind != fs::file_type::regular) {
    return Status::invalid("{}: {}", path.native(), kind == fs::file_type::not_found ? "no such file" : "no regular file");
  }
  STELE_TRY(const File file, File::open(path, File::Mode::read));
  STELE_TRY(out.bytes, file.size());
  char head[kSegmentHeaderBytesMax];
  STELE_TRY(const std::size_t got, file.read_at(0, head, sizeof head));
  const std::string_view text(head, got);
  out.header = parse_segment_header(text);
  if (out.header) {
    out.kind = AofFile::Kind::segment;
  } else if (text.empty()) {
    out.kind = AofFile::Kind::blank;
  } else if (text.starts_with("REDIS") || text.starts_with("VALKEY")) {
    out.kind = AofFile::Kind::rdb;
  } else {
    // A header is durable before frames follow it, so one that was torn has none behind it.
    STELE_TRY(const bool has_frames, has_frame_line(file, 0, std::min<std::uint64_t>(out.bytes, 64 << 10)));
    const bool ours = text.starts_with("#S:");
    out.kind = has_frames || (ours && out.bytes > kSegmentHeaderBytesMax) ? AofFile::Kind::unknown
               : ours                                                     ? AofFile::Kind::blank
                                                                          : AofFile::Kind::commands;
  }
  return out;
}

Result<fs::path> find_manifest(const fs::path& path) {
  std::vector<fs::path> found = manifests_in(path);
  if (found.empty()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(path, error)) {
      if (!entry.is_directory(error)) continue;
      const std::string name = entry.path().filename().native();
      if (name == "rocksdb" || name.starts_with("sync.")) continue;
      const std::vector<fs::path> inner = manifests_in(entry.path());
      found.insert(found.end(), inner.begin(), inner.end());
    }
  }
  if (found.size() > 1) return Status::invalid("{}: several manifests, name one of them: {}", path.native(), names_of(found));
  return found.empty() ? fs::path() : found.front();
}

Result<AofSource> open_aof(const fs::path& path) {
  std::error_code error;
  const auto kind = fs::status(path, error).type();
  if (kind == fs::file_type::not_found) return Status::invalid("{}: no such file or directory", path.native());
  if (kind == fs::file_type::directory) {
    STELE_TRY(const fs::path manifest, find_manifest(path));
    if (!manifest.empty()) return open_manifest(path, manifest);
    for (const char* const name : {"appendonly.aof", "dump.rdb"}) {
      if (!fs::is_regular_file(path / name, error)) continue;
      STELE_TRY(AofFile file, look_at_file(path / name, Manifest::Type::base));
      return AofSource{.named = path, .files = {std::move(file)}};
    }
    for (const fs::path& dir : {path, path / "appendonlydir"}) {
      for (const auto& entry : fs::directory_iterator(dir, error)) {
        if (!entry.path().native().ends_with(".aof")) continue;
        return Status::invalid("{}: files but no manifest that says in which order; a stock server would start empty and write over "
                               "them. Name one of the files to look at it", dir.native());
      }
    }
    return Status::invalid("{}: no append-only files here", path.native());
  }
  if (path.native().ends_with(kManifestSuffix)) return open_manifest(path, path);
  STELE_TRY(AofFile file, look_at_file(path, Manifest::Type::incr));
  if (file.kind == AofFile::Kind::commands && file.bytes < kManifestBytesMax) {
    STELE_TRY(const std::string text, read_whole_file(path, kManifestBytesMax));
    if (looks_like_manifest(text)) return open_manifest(path, path);
  }
  if (file.kind == AofFile::Kind::rdb) file.type = Manifest::Type::base;
  return AofSource{.named = path, .files = {std::move(file)}};
}

Result<AofSource> open_segments(const std::vector<fs::path>& paths) {
  AofSource out{.named = paths.front()};
  for (const fs::path& path : paths) {
    STELE_TRY(AofSource source, open_aof(path));
    for (AofFile& file : source.files) {
      if (file.kind == AofFile::Kind::segment) {
        out.files.push_back(std::move(file));
      } else if (file.kind == AofFile::Kind::commands || file.kind == AofFile::Kind::unknown) {
        return Status::invalid("{}: no segment of stele's journal", file.path.native());
      }
    }
  }
  if (out.files.empty()) return Status::invalid("{}: no segments of stele's journal here", paths.front().native());
  // Of a segment that is there twice, as in a copy made while it grew, the longer one.
  std::stable_sort(out.files.begin(), out.files.end(), [](const AofFile& a, const AofFile& b) {
    return std::tuple(a.header->first, a.header->chain, a.bytes) < std::tuple(b.header->first, b.header->chain, b.bytes);
  });
  std::vector<AofFile> files;
  for (AofFile& file : out.files) {
    const bool again = !files.empty() && files.back().header->first == file.header->first &&
                       files.back().header->chain == file.header->chain && files.back().header->replid == file.header->replid;
    if (again) files.pop_back();
    files.push_back(std::move(file));
  }
  out.files = std::move(files);
  return out;
}

Result<std::uint64_t> commands_begin(const AofFile& file, bool quiet) {
  if (file.kind != AofFile::Kind::rdb) return std::uint64_t{0};
  STELE_TRY(const File open, File::open(file.path, File::Mode::read));
  Progress progress("reading " + printable(file.name, 40), !quiet);
  RdbSource source(open, 0, file.bytes);
  NoVisitor visitor;
  RdbReadOptions options{.skip_unknown = true};
  options.on_progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); };
  STELE_TRY(const RdbSummary summary, read_rdb(source, options, visitor));
  return summary.end;
}

}  // namespace stele::tools
