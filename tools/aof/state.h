#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "engine/rebuild.h"
#include "tools/aof/selection.h"

namespace stele::tools {

/// Which moment of a stream is wanted; nothing given: its end.
struct MomentOptions {
  Moment until;                         // up to and with what is there then
  std::optional<CommandPattern> before;  // what ran before the last (or first) command that matches
  bool first_match = false;
};

/// A moment of a stream, found: what comes before is the state. Frames and transactions are wholly before or wholly behind it; only
/// --before may fall between two commands of a frame, which are two clients' or one's pipeline.
struct Cut {
  std::size_t first_file = 0;  // in the source: where the state begins, with a base or empty
  bool from_empty = false;
  std::size_t file = 0;        // where the first thing left out stands, or the source's number of files
  std::uint64_t position = 0;  // there
  std::uint64_t part_bytes = 0;  // of the frame at `position`: what still belongs to the state
  bool in_segments = false;
  Offset offset;               // of a journal of ours: in the stream
  std::uint64_t stock_offset = 0;  // else: bytes of all files up to here
  ReplicationId replid;        // of a journal of ours
  ReplicationId replid2;       // what that history was called before, up to replid2_end
  Offset replid2_end;
  std::optional<UnixTime> time;  // of the last command before it
  std::optional<UnixTime> next_time;
  std::uint64_t matches = 0;   // of `before`
  std::string match;           // the one taken
  std::string torn;            // what was left out at the end since a crash had cut it

  std::string text() const;
};

/// The state that commands are applied to first, where it is not the source's own base.
struct StartingPoint {
  std::filesystem::path rdb;
  ReplicationId replid;
  Offset offset;
  int stream_db = 0;
};
/// What an RDB file says of its place in a history; `invalid` if it says nothing.
Result<StartingPoint> starting_point_of(const std::filesystem::path& rdb);

/// Reads the stream once, and checks it. `invalid` if the moment is not in it, or nothing leads to it. With a starting point, what the
/// source has of its own to begin with is not looked at.
Result<Cut> find_cut(const AofSource& source, const MomentOptions& options, bool quiet,
                     const std::optional<StartingPoint>& start = std::nullopt);

struct StateOptions {
  std::filesystem::path store_dir;  // where the store is made
  std::size_t memory_bytes = 0;  // 0: half of the machine's
  bool skip_unknown = false;
  bool quiet = false;
  bool digest = false;
  std::optional<StartingPoint> start;
};

/// A store at the moment of the cut.
struct State {
  RebuildFigures figures;
  Offset offset;
  ReplicationId replid;
  int stream_db = 0;
  std::string digest;  // as DEBUG DIGEST says it
  std::chrono::milliseconds took{0};
  std::chrono::milliseconds replay_took{0};
};
Result<State> build_state(const AofSource& source, const Cut& cut, const StateOptions& options);

/// What was found, for people or as JSON.
void report_moment(std::string& out, const std::filesystem::path& source, const Cut& cut, bool json);
/// What was made of it, for people or as JSON.
void report_state(std::string& out, const std::filesystem::path& to, const Cut& cut, const State& state, bool json);

/// Writes the store's state as an RDB into `file`, synced.
Status write_rdb(const std::filesystem::path& store_dir, File& file, int version, bool is_base, bool quiet);

/// Goes through [cut.first_file, cut), from the starting point on, if there is one.
Status feed_stream(const AofSource& source, const Cut& cut, const std::optional<StartingPoint>& start, bool quiet, RebuildSink& sink);

/// Puts the RDB and a manifest into `dir`, which is made: what Redis 7 and later, and stele, start from.
Status write_append_only_directory(const std::filesystem::path& dir, const std::filesystem::path& rdb);

/// From now on, SIGINT, SIGTERM and SIGHUP make this true, and long work ends with `unavailable`, leaving nothing behind.
const std::atomic<bool>& interruptions();
Status check_interrupted();

/// A directory that is filled out of sight:
///
///     target/.unfinished/...  ──publish(name)──►  target/name
///
/// Everything that was not published goes with it, the target too if it was made here.
class Staging {
 public:
  /// `invalid` if `target` is there and not empty.
  static Result<Staging> create(const std::filesystem::path& target);
  /// A directory for things that are not to stay, in `parent`.
  static Result<Staging> temporary(const std::filesystem::path& parent);
  Staging(Staging&& other) noexcept;
  Staging& operator=(Staging&&) = delete;
  ~Staging();

  const std::filesystem::path& path() const { return path_; }
  Status publish(const std::string& name);
  /// What was published stays.
  Status finish();

 private:
  Staging(std::filesystem::path target, std::filesystem::path path) : target_(std::move(target)), path_(std::move(path)) {}

  std::filesystem::path target_;  // empty if nothing is published
  std::filesystem::path path_;
  bool made_target_ = false;
  bool finished_ = false;
  std::vector<std::string> published_;
};

}  // namespace stele::tools
