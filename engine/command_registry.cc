#include "engine/command_registry.h"

#include "protocol/resp_integer.h"
#include "protocol/resp_text.h"

namespace stele {

namespace {

Flags implied_categories(Flags flags) {
  using namespace command_flag;
  Flags out = 0;
  if (flags & kWrite) out |= category::kWrite;
  // Commands that read nothing of the keyspace are marked kReadonly by nobody, so the flag alone tells.
  if (flags & kReadonly) out |= category::kRead;
  if (flags & kAdmin) out |= category::kAdmin | category::kDangerous;
  if (flags & kPubsub) out |= category::kPubsub;
  if (flags & kFast) out |= category::kFast;
  if (flags & kBlocking) out |= category::kBlocking;
  if ((out & category::kFast) == 0) out |= category::kSlow;
  return out;
}

}  // namespace

RegisteredCommand* CommandRegistry::register_row(const Command& row, const RegisteredCommand* parent) {
  RegisteredCommand& command = storage_.emplace_back();
  command.row = &row;
  command.id = static_cast<std::uint32_t>(storage_.size() - 1);
  command.full_name = parent == nullptr ? std::string(row.name) : parent->full_name + "|" + std::string(row.name);
  command.flags = row.flags;
  command.parent = parent;
  command.categories = row.categories | implied_categories(row.flags);
  // As Redis has it: scripting commands are in no category of their own for reading; pubsub and so on come by flags.
  for (const KeySpec& spec : row.keys) {
    if (spec.begin == KeySpec::Begin::none) break;
    const bool by_position = spec.begin == KeySpec::Begin::index && spec.find == KeySpec::Find::range;
    if (!by_position) {
      command.flags |= command_flag::kMovableKeys;
      continue;
    }
    if (spec.flags & key_flag::kNotKey) continue;
    const int last = spec.last >= 0 ? spec.index + spec.last : spec.last;
    if (command.first_key == 0) {
      command.first_key = spec.index;
      command.last_key = last;
      command.key_step = spec.step;
    } else if (last > command.last_key && command.last_key > 0) {
      // A second run directly behind the first extends it; otherwise the old triple cannot say it.
      if (spec.index == command.last_key + command.key_step) command.last_key = last;
    }
  }
  for (const Command& sub : row.subcommands) command.subcommands.push_back(register_row(sub, &command));
  return &command;
}

void CommandRegistry::add(std::span<const Command> rows) {
  for (const Command& row : rows) {
    RegisteredCommand* command = register_row(row, nullptr);
    commands_.push_back(command);
    by_name_[std::string(row.name)] = command;
  }
}

bool CommandRegistry::rename(std::string_view from, std::string_view to) {
  const auto found = by_name_.find(to_lower(from));
  if (found == by_name_.end()) return false;
  RegisteredCommand* command = found->second;
  if (!to.empty() && !by_name_.emplace(to_lower(to), command).second) return false;
  by_name_.erase(to_lower(from));
  command->renamed = true;
  if (to.empty()) std::erase(commands_, command);
  return true;
}

RegisteredCommand* CommandRegistry::find(std::string_view name) const {
  char lower[64];
  if (name.size() > sizeof lower) return nullptr;
  for (std::size_t i = 0; i < name.size(); ++i) lower[i] = to_lower(name[i]);
  const auto found = by_name_.find(std::string_view(lower, name.size()));
  return found == by_name_.end() ? nullptr : found->second;
}

RegisteredCommand* CommandRegistry::find_in_stream(std::string_view name) {
  RegisteredCommand* by_name = find(name);
  if (by_name != nullptr && !by_name->renamed) return by_name;
  for (RegisteredCommand& command : storage_) {
    if (command.parent == nullptr && equals_ignoring_case(command.row->name, name)) return &command;
  }
  return nullptr;
}

RegisteredCommand* CommandRegistry::find_subcommand(const RegisteredCommand& container, std::string_view name) {
  for (RegisteredCommand* sub : container.subcommands) {
    if (equals_ignoring_case(sub->row->name, name)) return sub;
  }
  return nullptr;
}

RegisteredCommand* CommandRegistry::find_full(std::string_view full_name) const {
  const std::size_t bar = full_name.find('|');
  RegisteredCommand* command = find(full_name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return find_subcommand(*command, full_name.substr(bar + 1));
}

void CommandRegistry::reset_stats() {
  for (RegisteredCommand& command : storage_) command.stats = CommandStats();
}

namespace {

/// Of SORT, whose specification cannot say it: the position of the key behind the last STORE; 0 if there is none.
int position_of_sort_target(std::span<const std::string_view> args) {
  int target = 0;
  for (std::size_t i = 2; i + 1 < args.size(); ++i) {
    if (equals_ignoring_case(args[i], "limit")) {
      i += 2;
    } else if (equals_ignoring_case(args[i], "by") || equals_ignoring_case(args[i], "get")) {
      ++i;
    } else if (equals_ignoring_case(args[i], "store")) {
      target = static_cast<int>(++i);
    }
  }
  return target;
}

}  // namespace

bool key_positions(const RegisteredCommand& command, std::span<const std::string_view> args,
                   std::vector<KeyPosition>& out) {
  const int argc = static_cast<int>(args.size());
  for (const KeySpec& spec : command.row->keys) {
    if (spec.begin == KeySpec::Begin::none) break;
    if (spec.flags & key_flag::kNotKey) continue;
    int first = spec.index;
    if (spec.begin == KeySpec::Begin::keyword) {
      const bool forward = spec.index > 0;
      const int start = forward ? spec.index : argc + spec.index;
      first = 0;
      for (int i = start; i > 0 && i < argc; i += forward ? 1 : -1) {
        if (equals_ignoring_case(args[static_cast<std::size_t>(i)], spec.keyword)) {
          first = i + 1;
          break;
        }
      }
      if (first == 0) continue;
    } else if (spec.begin == KeySpec::Begin::unknown && command.row->name.starts_with("sort")) {
      // What BY and GET lead to depends on the elements: those keys are nowhere in the arguments.
      const int target = spec.flags & key_flag::kOW ? position_of_sort_target(args) : 0;
      if (target > 0) out.push_back({target, spec.flags});
      continue;
    } else if (spec.begin == KeySpec::Begin::unknown) {
      return false;
    }
    int last = 0, step = spec.step;
    if (spec.find == KeySpec::Find::range) {
      if (spec.last >= 0) {
        last = first + spec.last;
      } else if (spec.limit <= 1) {
        last = argc + spec.last;
      } else {
        last = first + (argc - first) / spec.limit + spec.last;
      }
    } else if (spec.find == KeySpec::Find::keynum) {
      const int at = first + spec.keynum_index;
      if (at >= argc) return false;
      const auto count = parse_integer(args[static_cast<std::size_t>(at)]);
      if (!count || *count < 0 || *count > argc) return false;
      first += spec.first_key;
      last = first + (static_cast<int>(*count) - 1) * step;
    } else {
      return false;
    }
    if (last >= argc) return false;
    for (int i = first; i <= last; i += step) out.push_back({i, spec.flags});
  }
  return true;
}

}  // namespace stele
