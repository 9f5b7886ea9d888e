#include "engine/replayer.h"
#include "engine/storage.h"

namespace stele {

namespace {

constexpr std::uint64_t kBytesPerNote = 256 * 1024;

}  // namespace

Status Storage::replay(CommandRegistry& registry) {
  const Offset from = checkpoint_offset_;
  const Offset end = journal_->end();
  Offset noted = from;
  keyspace_->set_expiry(Expiry::off);
  keyspace_->set_defers_lookups(true);
  Replayer replayer(registry, *keyspace_, *effects_, effects_->stream_db());
  replayer.set_tolerant(options_.follows_primary);
  if (from < end) {
    loading_ = Loading();
    STELE_CHECK(journal_->replay(from, [&](std::string_view payload, UnixTime time, Offset start) {
      if (start - noted >= kBytesPerNote) {
        noted = start;
        note_loading(start - from, end - from);
      }
      return replayer.apply(payload, time, start);
    }));
    effects_->set_stream_db(replayer.db());
  }
  keyspace_->set_defers_lookups(false);
  follow_primary(options_.follows_primary);
  changes_saved_ = keyspace_->stats().changes;
  recovery_.replayed_bytes = end - from;
  recovery_.replayed_commands = replayer.commands();
  return Status();
}

}  // namespace stele
