#include "replication/lost_writes.h"

#include "persistence/journal_reader.h"
#include "protocol/resp_buffer.h"
#include "protocol/resp_command.h"
#include "protocol/resp_integer.h"
#include "protocol/resp_parser.h"
#include "protocol/resp_text.h"

namespace stele {

Result<std::uint64_t> write_lost_writes(Journal& journal, Offset from, const std::filesystem::path& path) {
  from = std::max(from, journal.start());
  STELE_TRY(const Journal::SegmentStart start, journal.segment_start(from));
  STELE_TRY(JournalReader reader, journal.read_from(start.offset));
  STELE_TRY(File file, File::open(path, File::Mode::replace));
  int db = start.db;
  std::uint64_t written = 0, lost = 0;
  const auto put = [&](std::string_view bytes) {
    const Status status = file.write_at(written, bytes);
    written += bytes.size();
    return status;
  };
  RespParser parser;
  while (true) {
    STELE_TRY(const auto frame, reader.next_frame());
    if (!frame) break;
    std::string_view rest = frame->payload;
    Offset at = frame->offset;
    while (at < from && !rest.empty()) {
      if (parser.parse(rest) != RespParser::Outcome::command) return Status::corrupt("journal: no whole command at offset {}", at);
      const auto args = parser.args();
      if (args.size() == 2 && equals_ignoring_case(args[0], "SELECT")) db = static_cast<int>(parse_integer(args[1]).value_or(db));
      at += parser.consumed();
      rest.remove_prefix(parser.consumed());
    }
    if (rest.empty()) continue;
    if (written == 0) {
      OutputBuffer select;
      append_command(select, "SELECT", db);
      STELE_CHECK(put(select.view()));
    }
    STELE_CHECK(put(rest));
    lost += rest.size();
  }
  STELE_CHECK(file.sync());
  STELE_CHECK(sync_directory(path.parent_path()));
  return lost;
}

}  // namespace stele
