// Recovery of a journal: whatever the segments hold, the start is refused and the files stay as they are, or it succeeds, and
// then what was recovered is there on the next start too, with what was added since.
//
//     input  =  flags, length of the first segment (2 bytes, little-endian), the segments one behind the other
//
//     flags     1  lines are made valid again after the mutation: headers, chain values, checks of marks
//               2  there is a second segment

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <spdlog/spdlog.h>

#include "persistence/frame.h"
#include "persistence/journal.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace stele;
namespace fs = std::filesystem;

constexpr Chain kFirstChain = 7;
const ReplicationId kReplid(40, 'a');

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Where the segments that were mended so far end.
struct End {
  Offset offset;
  Chain chain = kFirstChain;
  Chain mark_seed = kFirstChain;
};

/// The lines of a segment with what they would need to be valid, as far as they can be told apart.
std::string mended(std::string_view text, End& end) {
  const std::size_t first_line = text.find("\r\n");
  const std::size_t frames = first_line == text.npos ? text.npos : text.find('#', first_line);
  if (!text.starts_with("#S:") || frames == text.npos) return std::string(text);
  std::string out = make_segment_header(kReplid, end.offset, end.chain, 0);
  end.mark_seed = end.chain;
  text.remove_prefix(frames);
  std::string room(kFrameLineBytesMax, '\0');
  while (const auto line = parse_frame_line(text)) {
    const std::string_view payload = text.substr(line->line_bytes).substr(0, line->bytes);
    if (payload.empty()) break;
    std::string frame = room + std::string(payload);
    char* const payload_at = frame.data() + room.size();
    const char* const begin = put_frame_line_before(payload_at, payload.size(), end.offset, line->time, end.chain);
    out.append(begin, static_cast<std::size_t>(frame.data() + frame.size() - begin));
    end.offset = end.offset + payload.size();
    text.remove_prefix(line->line_bytes + payload.size());
    if (text.starts_with("#D:")) {
      const std::size_t mark_end = text.find('\n');
      if (mark_end == text.npos) break;
      std::string mark(kMarkBytesMax, '\0');
      const bool closed = text.substr(0, mark_end).find(":c:") != text.npos;
      char* const mark_begin = put_mark_before(mark.data() + mark.size(), end.offset, closed, kFirstChain);
      out.append(mark_begin, static_cast<std::size_t>(mark.data() + mark.size() - mark_begin));
      text.remove_prefix(mark_end + 1);
    }
  }
  return out.append(text);
}

class Directory {
 public:
  Directory() {
    const fs::path memory = "/dev/shm";
    std::string name = ((fs::is_directory(memory) ? memory : fs::temp_directory_path()) / "stele-fuzz-XXXXXX").native();
    STELE_ASSERT(::mkdtemp(name.data()) != nullptr);
    root_ = name;
  }
  ~Directory() { fs::remove_all(root_); }

  fs::path path() const { return root_ / "appendonlydir"; }
  void fill(const std::vector<std::string>& segments) const {
    fs::remove_all(path());
    fs::create_directory(path());
    std::string manifest;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const std::string name = fmt::format("appendonly.aof.{}.incr.aof", i + 1);
      std::ofstream(path() / name, std::ios::binary) << segments[i];
      manifest += fmt::format("file {} seq {} type i\n", name, i + 1);
    }
    std::ofstream(path() / "appendonly.aof.manifest", std::ios::binary) << manifest;
  }
  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> contents;
    for (const auto& file : fs::directory_iterator(path())) {
      const std::string name = file.path().filename();
      if (name != "LOCK") contents[name] = read(file.path());
    }
    return contents;
  }

 private:
  fs::path root_;
};

JournalOptions options() {
  JournalOptions options;
  options.fsync = Fsync::no;
  options.replid = kReplid;
  return options;
}

/// All effects from the start on.
std::string stream_of(Journal& journal) {
  std::string stream;
  const Status status = journal.replay(journal.start(), [&](std::string_view payload, UnixTime, Offset) {
    stream += payload;
    return Status();
  });
  STELE_ASSERT(status.ok());
  return stream;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Directory* const directory = [] {
    spdlog::set_level(spdlog::level::off);
    static Directory owned;
    return &owned;
  }();
  if (size < 3) return 0;
  const std::string_view input = fuzz::text_of(data + 3, size - 3);
  const std::size_t first = data[1] | std::size_t{data[2]} << 8;
  std::vector<std::string> segments;
  End end;
  const auto add = [&](std::string_view text) { segments.push_back(data[0] & 1 ? mended(text, end) : std::string(text)); };
  if (data[0] & 2) {
    add(input.substr(0, first));
    add(input.substr(std::min(first, input.size())));
  } else {
    add(input);
  }
  directory->fill(segments);
  const auto before = directory->contents();
  std::string stream;
  Offset end_offset;
  {
    const Result<std::unique_ptr<Journal>> journal = Journal::open(directory->path(), options());
    if (!journal.ok()) {
      STELE_ASSERT(directory->contents() == before);
      return 0;
    }
    stream = stream_of(**journal);
    const std::string effect = "*1\r\n$4\r\nPING\r\n";
    (*journal)->batch().append(effect);
    const Result<Offset> committed = (*journal)->commit(UnixTime(1'700'000'000'000), 0);
    STELE_ASSERT(committed.ok());
    stream += effect;
    end_offset = *committed;
  }
  const Result<std::unique_ptr<Journal>> again = Journal::open(directory->path(), options());
  STELE_ASSERT(again.ok());
  STELE_ASSERT((*again)->end() == end_offset);
  STELE_ASSERT((*again)->report().cut_bytes == 0);
  STELE_ASSERT(stream_of(**again) == stream);
  return 0;
}

std::vector<fuzz::Seed> fuzz::seeds() {
  std::vector<Seed> seeds;
  for (const bool closed : {false, true}) {
    Directory directory;
    std::string first, second;
    {
      const auto journal = Journal::open(directory.path(), options());
      STELE_ASSERT(journal.ok());
      for (int i = 0; i < 3; ++i) {
        (*journal)->batch().append(fmt::format("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n{}\r\n", i));
        STELE_ASSERT((*journal)->commit(UnixTime(1'700'000'000'000 + i), 0).ok());
        STELE_ASSERT((*journal)->sync().ok());
      }
      if (closed) (*journal)->begin_history(ReplicationId(40, 'b'), 3);
      (*journal)->batch().append(std::string_view("*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"));
      STELE_ASSERT((*journal)->commit(UnixTime(1'700'000'000'009), 3).ok());
      STELE_ASSERT((*journal)->sync().ok());
      if (!closed) first = read(directory.path() / "appendonly.aof.1.incr.aof");
    }
    if (closed) {
      first = read(directory.path() / "appendonly.aof.1.incr.aof");
      second = read(directory.path() / "appendonly.aof.2.incr.aof");
    }
    while (first.ends_with('\0')) first.pop_back();
    const auto input = [&](int flags) {
      std::string bytes;
      for (const std::size_t byte : {static_cast<std::size_t>(flags), first.size() & 0xff, first.size() >> 8}) {
        bytes += static_cast<char>(byte);
      }
      return bytes + first + second;
    };
    const std::string name = closed ? "two-segments-closed" : "one-segment-killed";
    seeds.push_back({name, input(closed ? 2 : 0)});
    seeds.push_back({name + "-mended", input(closed ? 3 : 1)});
  }
  return seeds;
}
