#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/session.h"
#include "persistence/status.h"
#include "protocol/acl/acl_log.h"
#include "protocol/acl/user.h"
#include "protocol/config.h"

namespace stele {

/// All users, by name. There is always "default", which is who a connection is before AUTH; it stays at its address.
///
///     configuration: requirepass, user lines ──► open() ──► users ──► ACL LIST, CONFIG REWRITE, ACL SAVE
///     aclfile ──────────────────────────────────► │  ▲
///                                           load() ┘  └ set(): ACL SETUSER
///
/// Threads: the executor.
class Acl {
 public:
  /// An error: which rule of those given was wrong, if it was one.
  struct Failure {
    RuleError error = RuleError::none;
    std::size_t rule = 0;
    bool ok() const { return error == RuleError::none; }
  };

  /// `commands` must be complete, and outlive this.
  explicit Acl(const CommandRegistry& commands);

  /// The users of `config` at start. `invalid` with a text for the log.
  Status open(const Config& config);

  /// Reads the aclfile: all of it, or, on any error, nothing. `invalid` has the text of Redis' error reply then, without
  /// the `ERR`. Users that there were before, but for "default", go to `replaced`: connections may still point to them.
  Status load(const Config& config, std::vector<std::unique_ptr<AclUser>>& replaced);
  /// Writes it: beside the old one, synced, renamed.
  Status save(const Config& config) const;

  AclUser& default_user() { return *default_; }
  const AclUser& default_user() const { return *default_; }
  AclUser* find(std::string_view name) const;
  /// In the order of their names' bytes.
  const std::map<std::string, std::unique_ptr<AclUser>, std::less<>>& users() const { return users_; }

  /// Applies all of `rules` to a user, who is made if there is none; or nothing.
  Failure set(std::string_view name, std::span<const std::string> rules, bool all_channels);
  /// Takes a user out of the list; null if there is none. Not for "default".
  std::unique_ptr<AclUser> take(std::string_view name);

  /// requirepass: the one password of the default user; an empty one is none at all.
  void set_default_password(std::string_view password);

  /// The user if the password is right and the user is on; else null.
  AclUser* authenticate(std::string_view name, std::string_view password) const;
  /// Whether a connection has to AUTH before anything else.
  bool asks_for_login() const { return !default_->nopass() || !default_->enabled(); }

  /// Whether `session` may run `command`. Costs one test if it may do everything.
  Verdict check(const Session& session, const RegisteredCommand& command, std::span<const std::string_view> args);

  /// Lines for the configuration file, each the words behind `user`: none if there is only the default user as
  /// `config` makes it, or if an aclfile has the users.
  std::vector<Words> config_users(const Config& config) const;

  AclLog& log() { return log_; }

 private:
  using Users = std::map<std::string, std::unique_ptr<AclUser>, std::less<>>;

  std::string file_text() const;

  const CommandRegistry& commands_;
  Users users_;
  AclUser* default_;
  AclLog log_;
  std::vector<KeyPosition> keys_;  // scratch
};

/// The default user before any rule: on, without a password, and all-powerful.
std::unique_ptr<AclUser> make_default_user(const CommandRegistry& commands);

/// Reads an aclfile's text into `users`. Errors are told as Redis does, one behind the other; empty if there is none.
std::string parse_acl_file(std::string_view text, std::string_view file, const CommandRegistry* commands, bool all_channels,
                           std::map<std::string, std::unique_ptr<AclUser>, std::less<>>& users);

/// An aclfile's path; a relative one is meant from `dir`.
std::string acl_file_path(const Config& config);

}  // namespace stele
