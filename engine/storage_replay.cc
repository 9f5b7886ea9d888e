#include <spdlog/spdlog.h>

#include "engine/call.h"
#include "engine/storage.h"
#include "protocol/resp_parser.h"
#include "protocol/resp_reply.h"

namespace stele {

namespace {

/// Runs the commands of frames against the keyspace.
class Replayer {
 public:
  Replayer(CommandRegistry& registry, Keyspace& keyspace, Effects& effects, int db)
      : registry_(registry), keyspace_(keyspace), effects_(effects), reply_(output_, RespVersion::resp2) {
    session_.db = std::max(db, 0);
    session_.authenticated = true;
  }

  /// A frame holds whole commands, and whole transactions: so MULTI and EXEC add nothing here.
  Status apply(std::string_view payload, UnixTime time, Offset start) {
    keyspace_.set_now(time);
    std::string_view rest = payload;
    while (!rest.empty()) {
      const Offset at = start + static_cast<std::uint64_t>(rest.data() - payload.data());
      if (parser_.parse(rest) != RespParser::Outcome::command) {
        return Status::corrupt("journal: no whole command at offset {}, though its frame is intact: {}", at, parser_.error());
      }
      rest.remove_prefix(parser_.consumed());
      if (!parser_.args().empty()) STELE_CHECK(run(parser_.args(), at));
    }
    return Status();
  }

  std::uint64_t commands() const { return commands_; }
  int db() const { return session_.db; }

 private:
  Status run(std::span<const std::string_view> args, Offset at) {
    ++commands_;
    if (args[0] == "MULTI" || args[0] == "EXEC") return Status();
    // Streams are long runs of few commands.
    if (args[0] != last_name_) {
      last_ = registry_.find_in_stream(args[0]);
      last_name_ = args[0];
    }
    RegisteredCommand* command = last_;
    if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
      command = CommandRegistry::find_subcommand(*command, args[1]);
    }
    if (command == nullptr || command->row->run == nullptr) {
      return Status::corrupt("journal: unknown command '{}' at offset {}; was it written by a later version?", args[0], at);
    }
    output_.clear();
    Call call(*command, args, {}, session_, reply_, keyspace_, effects_, nullptr);
    command->row->run(call);
    if (call.failed()) {
      return Status::corrupt("journal: '{}' at offset {} cannot be applied again: {}", args[0], at, output_.view());
    }
    return Status();
  }

  CommandRegistry& registry_;
  Keyspace& keyspace_;
  Effects& effects_;
  OutputBuffer output_;
  RespWriter reply_;
  RespParser parser_;
  Session session_;
  std::string last_name_;
  RegisteredCommand* last_ = nullptr;
  std::uint64_t commands_ = 0;
};

}  // namespace

Status Storage::replay(CommandRegistry& registry) {
  const Offset from = checkpoint_offset_;
  const Offset end = journal_->end();
  effects_->mute(true);
  keyspace_->set_expiry(Expiry::off);
  Replayer replayer(registry, *keyspace_, *effects_, effects_->stream_db());
  if (from < end) {
    STELE_CHECK(journal_->replay(from, [&](std::string_view payload, UnixTime time, Offset start) {
      return replayer.apply(payload, time, start);
    }));
    effects_->set_stream_db(replayer.db());
  }
  keyspace_->set_expiry(Expiry::active);
  effects_->mute(false);
  changes_saved_ = keyspace_->stats().changes;
  recovery_.replayed_bytes = end - from;
  recovery_.replayed_commands = replayer.commands();
  return Status();
}

}  // namespace stele
