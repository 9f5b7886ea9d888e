#include "engine/replayer.h"

#include "engine/call.h"
#include "protocol/resp_text.h"

namespace stele {

namespace {

using namespace command_flag;

/// Commands that are in a stream for those who follow it, and change nothing.
bool is_message(std::string_view name) {
  return equals_ignoring_case(name, "PING") || equals_ignoring_case(name, "REPLCONF") || equals_ignoring_case(name, "PUBLISH") ||
         equals_ignoring_case(name, "SPUBLISH");
}

}  // namespace

Replayer::Replayer(CommandRegistry& registry, Keyspace& keyspace, Effects& effects, int db, Environment* environment)
    : registry_(registry), keyspace_(keyspace), effects_(effects), environment_(environment), reply_(output_, RespVersion::resp2) {
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
    if (const Status status = tolerant_ ? (follow(args), Status()) : run(args); !status.ok()) return Status::corrupt("journal: offset {}: {}", at, status.message());
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
  // Handlers that work on data take the lack of an environment for a replay, in which limits no longer decide.
  Environment* const environment = command.is(kWrite) || command.is(kReadonly) ? nullptr : environment_;
  Call call(command, args, {}, session_, reply_, keyspace_, effects_, environment);
  if (environment_ == nullptr) {
    command.row->run(call);
    return !call.failed();
  }
  // A primary's command counts as one of a client does.
  const auto began = std::chrono::steady_clock::now();
  command.row->run(call);
  ++command.stats.calls;
  if (call.failed()) ++command.stats.failed;
  command.stats.nanoseconds +=
      static_cast<std::uint64_t>(std::chrono::nanoseconds(std::chrono::steady_clock::now() - began).count());
  return !call.failed();
}

/// Null: nothing is to be done.
Result<RegisteredCommand*> Replayer::find_own(std::span<const std::string_view> args) {
  RegisteredCommand* command = find(args);
  const bool message = is_message(args[0]);
  if (message && args.size() == 2 && equals_ignoring_case(args[0], "PING")) keyspace_.feed_cursors().take(args[1]);
  // Some that read are effects, too: PFCOUNT remembers what it has counted.
  const bool works_on_data =
      command != nullptr && (command->is(kWrite) || command->is(kReadonly) || equals_ignoring_case(args[0], "SELECT"));
  if (command == nullptr || command->row->run == nullptr || !(works_on_data || message)) {
    return Status::corrupt("unknown command '{:.64}'; was it written by another version?", args[0]);
  }
  const auto argc = static_cast<int>(args.size());
  const int arity = command->row->arity;
  if (arity > 0 ? argc != arity : argc < -arity) return Status::corrupt("'{:.64}' has {} arguments", args[0], argc - 1);
  const bool delivered = command->row->name.ends_with("publish") && environment_ != nullptr;
  return message && !delivered ? nullptr : command;
}

Status Replayer::run(std::span<const std::string_view> args) {
  STELE_TRY(RegisteredCommand * command, find_own(args));
  if (command == nullptr) return Status();
  if (!call(*command, args)) return Status::corrupt("'{:.64}' cannot be applied: {}", args[0], output_.view());
  return Status();
}

void Replayer::follow(std::span<const std::string_view> args) {
  const Result<RegisteredCommand*> command = find_own(args);
  if (!command.ok()) {
    output_.clear();
    output_.append(fmt::format("-ERR {}", command.status().message()));
    ++failed_;
  } else if (*command != nullptr && !call(**command, args)) {
    ++failed_;
  }
}

Status Replayer::run_foreign(std::span<const std::string_view> args) {
  RegisteredCommand* command = find(args);
  const bool works_on_data =
      command != nullptr && (equals_ignoring_case(args[0], "SELECT") || command->is(kWrite) || command->is(kReadonly));
  if (!works_on_data || command->row->run == nullptr) {
    if (is_message(args[0])) return Status();
    if (command == nullptr) return Status::corrupt("Unknown command '{:.64}'", args[0]);
    return Status::corrupt("'{:.64}' is no command that works on data", args[0]);
  }
  const auto argc = static_cast<int>(args.size());
  const int arity = command->row->arity;
  if (arity > 0 ? argc != arity : argc < -arity) return Status::corrupt("'{:.64}' has {} arguments", args[0], argc - 1);
  if (!call(*command, args)) ++failed_;
  return Status();
}

}  // namespace stele
