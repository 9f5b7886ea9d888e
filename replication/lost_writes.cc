#include "replication/lost_writes.h"

#include <optional>

#include "persistence/journal_reader.h"
#include "protocol/resp_buffer.h"
#include "protocol/resp_command.h"
#include "protocol/resp_integer.h"
#include "protocol/resp_parser.h"
#include "protocol/resp_text.h"

namespace stele {

namespace {

constexpr std::size_t kWriteBytes = 256 * 1024;

/// What is in the stream for its followers alone. It is no loss, and redis-cli --pipe would wait for an answer to some of it.
bool is_message(std::string_view name) { return equals_ignoring_case(name, "PING") || equals_ignoring_case(name, "REPLCONF"); }

}  // namespace

Result<std::uint64_t> write_lost_writes(Journal& journal, Offset from, const std::filesystem::path& path) {
  from = std::max(from, journal.start());
  STELE_TRY(const Journal::SegmentStart start, journal.segment_start(from));
  STELE_TRY(JournalReader reader, journal.read_from(start.offset));
  std::optional<File> file;  // once there is something to be put in it
  OutputBuffer out;
  std::uint64_t written = 0, lost = 0;
  const auto flush = [&]() -> Status {
    if (!file) {
      STELE_TRY(file, File::open(path, File::Mode::replace));
    }
    STELE_CHECK(file->write_at(written, out.view()));
    written += out.size();
    out.clear();
    return Status();
  };
  RespParser parser;
  int db = start.db;
  std::optional<int> selected;  // in the file
  while (true) {
    STELE_TRY(const auto frame, reader.next_frame());
    if (!frame) break;
    std::string_view rest = frame->payload;
    Offset at = frame->offset;
    while (!rest.empty()) {
      if (parser.parse(rest) != RespParser::Outcome::command) return Status::corrupt("journal: no whole command at offset {}", at);
      const auto args = parser.args();
      const std::string_view command = rest.substr(0, parser.consumed());
      const bool is_lost = at >= from;
      at += command.size();
      rest.remove_prefix(command.size());
      if (args.size() == 2 && equals_ignoring_case(args[0], "SELECT")) {
        db = static_cast<int>(parse_integer(args[1]).value_or(db));
        continue;
      }
      if (!is_lost || args.empty() || is_message(args[0])) continue;
      if (selected != db) append_command(out, "SELECT", db);
      selected = db;
      out.append(command);
      lost += command.size();
      if (out.size() >= kWriteBytes) STELE_CHECK(flush());
    }
  }
  if (lost == 0) return std::uint64_t{0};
  if (!out.empty()) STELE_CHECK(flush());
  STELE_CHECK(file->sync());
  STELE_CHECK(sync_directory(path.parent_path()));
  return lost;
}

}  // namespace stele
