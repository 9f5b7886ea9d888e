#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/offset.h"

namespace stele {

/// A segment is a header, a prologue, and a run of frames and marks:
///
///     #S:<version>:<replication id>:<first offset>:<chain>:<prologue bytes>:<check>\r\n<prologue>
///        |         |                |              |       |                `- 16 hex digits: XXH3-64 of the fields
///        |         |                |              |       |                   before it and the prologue
///        |         |                |              |       `- decimal; a SELECT for stock servers, which start each
///        |         |                |              |          file in database 0; not part of the stream
///        |         |                |              `- 16 hex digits: the chain value of the last frame before
///        |         |                `- decimal; stream offset of the first frame's payload
///        |         `- 40 hex digits: the history the offsets count in
///        `- 1
///
/// A frame is a line that stock servers skip, then a payload:
///
///     #J:<offset>:<bytes>:<unix ms>:<chain>\r\n<payload>
///        |        |       |         |            `- whole commands; MULTI ... EXEC never straddles two frames
///        |        |       |         `- 16 hex digits: XXH3-64 of the payload, seeded with the XXH3-64 of the line up
///        |        |       |            to here, seeded with the chain value of the frame before
///        |        |       `- decimal; when the turn ended
///        |        `- decimal, 1 .. kFrameBytesMax; the payload alone
///        `- decimal; stream offset of the payload's first byte (the line is not part of the stream)
///
/// A frame is valid if its line parses, its payload is whole and matches its chain value, and its offset is where the
/// frame before it ended.
///
/// A mark says, between two frames, how far an fdatasync that had already returned reaches:
///
///     #D:<offset>:<state>:<check>\r\n
///        |        |       `- 16 hex digits: XXH3-64 of the fields before it, seeded with the header's chain value
///        |        `- `r` running, `c` closed: the last line of a server that was shut down
///        `- decimal; everything before this offset was on disk when the mark was written
///
/// With `aof-timestamp-enabled`, a line stands directly before the first frame of each second and of each segment. It is what stock
/// servers write and what `redis-check-aof --truncate-to-timestamp` looks for; it says no more than the frame does:
///
///     #TS:<unix s>\r\n
///          `- decimal; the second of the frame's time, so any other number is as bad as a wrong checksum
///
/// Marks decide what a bad frame is. After a power cut any sector that was not synced may be lost while later ones
/// survive, so a valid frame behind a bad one proves nothing; a valid mark beyond it does.
///
///     bad frame at offset o     a mark beyond o, a later segment, or a checkpoint past o:  corruption
///                               otherwise:                                                 torn tail
///
/// The first chain value of a journal is random and clients never see any, so no client can plant a line that passes.
/// All numbers are written in one way only (no leading zeros, lower-case hex).
inline constexpr std::size_t kFrameBytesMax = std::size_t{1} << 36;
inline constexpr std::size_t kFrameLineBytesMax = 80;
static_assert(3 + 20 + 1 + 11 + 1 + 20 + 1 + 16 + 2 <= kFrameLineBytesMax, "recovery reads any line in one go");
inline constexpr std::size_t kMarkBytesMax = 44;
static_assert(3 + 20 + 1 + 1 + 1 + 16 + 2 <= kMarkBytesMax);
inline constexpr std::size_t kTimestampBytesMax = 26;
static_assert(4 + 20 + 2 <= kTimestampBytesMax);
inline constexpr std::size_t kSegmentHeaderBytesMax = 256;
inline constexpr int kSegmentVersion = 1;

/// The running checksum that ties each frame to all before it.
using Chain = std::uint64_t;

struct FrameLine {
  Offset offset;
  std::uint64_t bytes = 0;
  UnixTime time;
  Chain chain = 0;  // as claimed by the line

  std::size_t line_bytes = 0;  // with CR LF

  Offset end() const { return offset + bytes; }
};

/// Writes a frame's line directly in front of `payload`, where kFrameLineBytesMax bytes must be free; returns where
/// the line begins. `chain` is the value before, and becomes the frame's own.
char* put_frame_line_before(char* payload, std::uint64_t bytes, Offset offset, UnixTime time, Chain& chain);

/// The line at the start of `text`, if a whole and well-formed one is there.
std::optional<FrameLine> parse_frame_line(std::string_view text);

/// The chain value a frame must have: `line_text` is its line (its first line.line_bytes bytes).
Chain frame_chain(std::string_view line_text, std::string_view payload, Chain before);

struct Mark {
  Offset durable;
  bool closed = false;

  std::size_t line_bytes = 0;
};

/// Writes a mark so that it ends at `end`, where kMarkBytesMax bytes must be free before; returns where it begins.
char* put_mark_before(char* end, Offset durable, bool closed, Chain seed);

/// The mark at the start of `text`, if a whole one is there and its check holds.
std::optional<Mark> parse_mark(std::string_view text, Chain seed);

struct Timestamp {
  std::int64_t seconds = 0;  // unix

  std::size_t line_bytes = 0;  // with CR LF
};

/// The second that a frame of `time` belongs to.
inline std::int64_t frame_second(UnixTime time) { return time.ms() < 0 ? 0 : time.ms() / 1000; }

/// Writes the line of frame_second() so that it ends at `end`, where kTimestampBytesMax bytes must be free before; returns where
/// it begins.
char* put_timestamp_before(char* end, UnixTime time);

/// The timestamp at the start of `text`, if a whole one is there.
std::optional<Timestamp> parse_timestamp(std::string_view text);

struct SegmentHeader {
  ReplicationId replid;
  Offset first;
  Chain chain = 0;

  std::size_t bytes = 0;  // header and prologue: where the first frame begins
  int db = 0;             // selected in the stream at `first`
};

/// Header and prologue, selecting `db`.
std::string make_segment_header(const ReplicationId& replid, Offset first, Chain chain, int db);

/// The header at the start of `text`, if a whole one is there and its check holds.
std::optional<SegmentHeader> parse_segment_header(std::string_view text);

}  // namespace stele
