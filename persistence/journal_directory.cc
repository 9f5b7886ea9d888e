#include "persistence/journal_directory.h"

#include "persistence/file.h"
#include "persistence/frame.h"

namespace stele {

bool looks_foreign(std::string_view text) {
  return text.starts_with("*") || text.starts_with("#TS:") || text.starts_with("REDIS");
}

Result<JournalDirectory> inspect_journal(const std::filesystem::path& dir, const std::string& base_name) {
  JournalDirectory out;
  const std::filesystem::path manifest = dir / (base_name + ".manifest");
  std::error_code error;
  if (!std::filesystem::exists(manifest, error)) return out;
  out.exists = true;
  STELE_TRY(const std::string text, read_whole_file(manifest, kManifestBytesMax));
  Result<Manifest> parsed = Manifest::parse(text);
  if (!parsed.ok()) return Status::corrupt("{}: {}", manifest.native(), parsed.status().message());
  out.manifest = std::move(*parsed);
  if (const auto base = out.manifest.base()) {
    out.base = dir / base->file;
    if (!std::filesystem::exists(*out.base, error)) {
      return Status::corrupt("{} is named in the manifest, but: No such file or directory", out.base->native());
    }
  }
  for (const Manifest::Entry& entry : out.manifest.incrs()) {
    const std::filesystem::path path = dir / entry.file;
    const Result<File> file = File::open(path, File::Mode::read);
    if (!file.ok()) return Status::corrupt("{} is named in the manifest, but {}", path.native(), file.status().message());
    char head[kSegmentHeaderBytesMax];
    STELE_TRY(const std::size_t bytes, file->read_at(0, head, sizeof head));
    if (const auto header = parse_segment_header({head, bytes})) {
      out.first_own = header->first;
      break;
    }
    // Neither a stock server's nor with a header of ours: for recovery to judge.
    if (bytes > 0 && !looks_foreign({head, bytes})) break;
    out.foreign.push_back(path);
  }
  return out;
}

}  // namespace stele
