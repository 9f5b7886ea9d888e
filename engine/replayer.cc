#include "engine/replayer.h"

#include "engine/call.h"
#include "protocol/resp_text.h"

namespace stele {

Replayer::Replayer(CommandRegistry& registry, Keyspace& keyspace, Effects& effects, int db)
    : registry_(registry), keyspace_(keyspace), effects_(effects), reply_(output_, RespVersion::resp2) {
  session_.db = std::max(db, 0);
  session_.authenticated = true;
}

Status Replayer::apply(std::string_view payload, UnixTime time, Offset start) {
  keyspace_.set_now(time);
  std::string_view rest = payload;
  while (!rest.empty()) {
    const Offset at = start + static_cast<std::uint64_t>(rest.data() - payload.data());
    if (parser_.parse(rest) != RespParser::Outcome::command) {
      return Status::corrupt("journal: no whole command at offset {}, though its frame is intact: {}", at, parser_.error());
    }
    rest.remove_prefix(parser_.consumed());
    const std::span<const std::string_view> args = parser_.args();
    if (args.empty() || args[0] == "MULTI" || args[0] == "EXEC") {
      ++commands_;
      continue;
    }
    if (const Status status = run(args); !status.ok()) return Status::corrupt("journal: offset {}: {}", at, status.message());
  }
  return Status();
}

RegisteredCommand* Replayer::find(std::span<const std::string_view> args) {
  // Streams are long runs of few commands.
  if (args[0] != last_name_) {
    last_ = registry_.find_in_stream(args[0]);
    last_name_ = args[0];
  }
  if (last_ == nullptr || last_->subcommands.empty() || args.size() < 2) return last_;
  return CommandRegistry::find_subcommand(*last_, args[1]);
}

/// False if it has failed; output_ says why.
bool Replayer::call(RegisteredCommand& command, std::span<const std::string_view> args) {
  ++commands_;
  output_.clear();
  Call call(command, args, {}, session_, reply_, keyspace_, effects_, nullptr);
  command.row->run(call);
  return !call.failed();
}

Status Replayer::run(std::span<const std::string_view> args) {
  RegisteredCommand* command = find(args);
  if (command == nullptr || command->row->run == nullptr) {
    return Status::corrupt("unknown command '{:.64}'; was it written by a later version?", args[0]);
  }
  if (!call(*command, args)) return Status::corrupt("'{:.64}' cannot be applied: {}", args[0], output_.view());
  return Status();
}

Status Replayer::run_foreign(std::span<const std::string_view> args) {
  RegisteredCommand* command = find(args);
  const bool works_on_data = command != nullptr && (equals_ignoring_case(args[0], "SELECT") || command->is(command_flag::kWrite) ||
                                                    command->is(command_flag::kReadonly));
  if (!works_on_data || command->row->run == nullptr) {
    return Status::corrupt("'{:.64}' is unknown, or no command that works on data", args[0]);
  }
  const auto argc = static_cast<int>(args.size());
  const int arity = command->row->arity;
  if (arity > 0 ? argc != arity : argc < -arity) return Status::corrupt("'{:.64}' has {} arguments", args[0], argc - 1);
  if (!call(*command, args)) ++failed_;
  return Status();
}

}  // namespace stele
