#include "protocol/acl/acl.h"

#include "protocol/replace_file.h"

namespace stele {

namespace {

bool all_channels_by_default(const Config& config) { return config.acl_pubsub_default == AclPubsubDefault::allchannels; }

constexpr std::string_view kDefault = "default";

std::vector<std::string> with_reset(std::vector<std::string> rules) {
  rules.insert(rules.begin(), "reset");
  return rules;
}

}  // namespace

std::unique_ptr<AclUser> make_default_user(const CommandRegistry& commands) {
  auto user = std::make_unique<AclUser>(std::string(kDefault), true);
  for (const std::string_view rule : {"on", "nopass", "~*", "+@all"}) {
    STELE_ASSERT(user->apply(rule, &commands, true) == RuleError::none);
  }
  return user;
}

Acl::Acl(const CommandRegistry& commands) : commands_(commands) {
  auto user = make_default_user(commands);
  default_ = user.get();
  users_.emplace(kDefault, std::move(user));
}

Status Acl::open(const Config& config) {
  if (!config.requirepass.empty()) set_default_password(config.requirepass);
  if (!config.users.empty() && !config.aclfile.empty()) {
    return Status::invalid(
        "Configuring stele with users defined in its configuration file and at the same setting an ACL file path is invalid. This "
        "setup is very likely to lead to configuration errors and security holes, please define either an ACL file or declare users "
        "directly in your configuration file, but not both.");
  }
  for (const Words& words : config.users) {
    const std::string& name = words.front();
    if (!is_user_name(name)) return Status::invalid("Spaces not allowed in ACL usernames");
    const std::vector<std::string_view> rest(words.begin() + 1, words.end());
    std::string unclosed;
    std::optional<std::vector<std::string>> rules = join_selectors(rest, unclosed);
    if (!rules) return Status::invalid("Unmatched parenthesis in acl selector starting at '{}'.", unclosed);
    // What the default user may do is all in its line, if it has one.
    if (name == kDefault) rules = with_reset(*std::move(rules));
    if (const Failure failure = set(name, *rules, all_channels_by_default(config)); !failure.ok()) {
      return Status::invalid("Error loading ACL rule '{}' for the user named '{}': {}", shown_rule((*rules)[failure.rule]), name,
                             text_of(failure.error));
    }
  }
  if (config.aclfile.empty()) return Status();
  std::vector<std::unique_ptr<AclUser>> replaced;
  if (const Status status = load(config, replaced); !status.ok()) {
    return Status::invalid("Aborting startup because of ACL errors: {}", status.message());
  }
  return Status();
}

AclUser* Acl::find(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second.get();
}

Acl::Failure Acl::set(std::string_view name, std::span<const std::string> rules, bool all_channels) {
  AclUser* known = find(name);
  AclUser changed = known != nullptr ? *known : AclUser(std::string(name), all_channels);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (const RuleError error = changed.apply(rules[i], &commands_, all_channels); error != RuleError::none) return {error, i};
  }
  if (known != nullptr) {
    *known = std::move(changed);
  } else {
    users_.emplace(name, std::make_unique<AclUser>(std::move(changed)));
  }
  return {};
}

std::unique_ptr<AclUser> Acl::take(std::string_view name) {
  const auto found = users_.find(name);
  if (found == users_.end()) return nullptr;
  STELE_ASSERT(found->second.get() != default_);
  std::unique_ptr<AclUser> user = std::move(found->second);
  users_.erase(found);
  return user;
}

void Acl::set_default_password(std::string_view password) {
  static_cast<void>(default_->apply("resetpass", &commands_, false));
  const std::string rule = password.empty() ? std::string("nopass") : fmt::format(">{}", password);
  static_cast<void>(default_->apply(rule, &commands_, false));
}

AclUser* Acl::authenticate(std::string_view name, std::string_view password) const {
  AclUser* user = find(name);
  return user != nullptr && user->enabled() && user->has_password(password) ? user : nullptr;
}

Verdict Acl::check(const Session& session, const RegisteredCommand& command, std::span<const std::string_view> args) {
  const Permissions* permissions = session.permissions;
  if (permissions == nullptr || permissions->unrestricted()) return {};
  return static_cast<const AclUser*>(permissions)->check(command, args, keys_);
}

std::vector<Words> Acl::config_users(const Config& config) const {
  if (!config.aclfile.empty()) return {};
  if (users_.size() == 1) {
    AclUser plain = *make_default_user(commands_);
    if (!config.requirepass.empty()) {
      static_cast<void>(plain.apply("resetpass", &commands_, false));
      static_cast<void>(plain.apply(">" + config.requirepass, &commands_, false));
    }
    if (plain.text() == default_->text()) return {};
  }
  std::vector<Words> lines;
  for (const auto& [name, user] : users_) {
    Words& words = lines.emplace_back(Words{name});
    // No word of it has a space inside.
    const std::string text = user->text();
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      words.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return lines;
}

// --- the file

Status Acl::load(const Config& config, std::vector<std::unique_ptr<AclUser>>& replaced) {
  STELE_TRY(const std::string text, read_whole_file(acl_file_path(config), [&](std::string_view why) {
              return Status::invalid("Error loading ACLs, opening file '{}': {}", config.aclfile, why);
            }));
  Users users;
  std::string errors = parse_acl_file(text, config.aclfile, &commands_, all_channels_by_default(config), users);
  if (!errors.empty()) return Status::invalid("{}", errors);

  // Connections point to the default user at all times: it takes over what was read, and stays where it is.
  const auto read_default = users.find(kDefault);
  *default_ = read_default == users.end() ? *make_default_user(commands_) : *read_default->second;
  users.insert_or_assign(std::string(kDefault), std::move(users_.find(kDefault)->second));
  for (auto& [name, user] : users_) {
    if (user != nullptr) replaced.push_back(std::move(user));
  }
  users_ = std::move(users);
  return Status();
}

std::string Acl::file_text() const {
  std::string text;
  for (const auto& [name, user] : users_) fmt::format_to(std::back_inserter(text), "user {} {}\n", name, user->text());
  return text;
}

Status Acl::save(const Config& config) const { return replace_file(acl_file_path(config), file_text()); }

}  // namespace stele
