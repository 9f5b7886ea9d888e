#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/permissions.h"
#include "protocol/acl/selector.h"

namespace stele {

/// 64 lower case hexadecimal digits: the form in which passwords are kept and shown.
std::string password_hash(std::string_view password);

/// Who may come in with which passwords, and what they may do then. Stays at its address while rules change, since
/// connections point to it; copies are made to try rules on.
class AclUser final : public Permissions {
 public:
  /// As a new user is: off, without passwords, commands and keys, and with all channels if `all_channels`
  /// (acl-pubsub-default).
  AclUser(std::string name, bool all_channels);

  const std::string& name() const { return name_; }
  bool enabled() const { return enabled_; }
  bool nopass() const { return nopass_; }
  bool sanitizes_payload() const { return sanitizes_payload_; }
  const std::vector<std::string>& password_hashes() const { return password_hashes_; }
  /// The first is the root; the others came from `(...)`.
  const std::vector<Selector>& selectors() const { return selectors_; }

  /// Applies one rule: `on`, `>password`, `(+get ~key)`, or what Selector::apply() knows, which is for the root. After an
  /// error the user may be changed in part (selectors): apply to a copy. `all_channels` is what `reset` and a new selector get.
  RuleError apply(std::string_view rule, const CommandRegistry* commands, bool all_channels);

  /// The time it takes does not tell how much of a wrong password is right.
  bool has_password(std::string_view password) const;

  /// The rules that make this user from a new one, as words of a line: "on", "#5e88...", "~*", "-@all", "+get".
  std::string text() const;
  /// "on", "nopass" and so on, as ACL GETUSER lists them.
  std::vector<std::string_view> flags() const;

  /// `keys`: scratch space, which keeps hot calls from allocating.
  Verdict check(const RegisteredCommand& command, std::span<const std::string_view> args,
                std::vector<KeyPosition>& keys) const;
  bool reads_every_key(const RegisteredCommand& command, std::span<const std::string_view> args) const override;

 private:
  Selector& root() { return selectors_.front(); }
  RuleError apply_selector(std::string_view rule, const CommandRegistry* commands, bool all_channels);
  RuleError remove_password(std::string_view hash);
  void add_password(std::string hash);

  std::string name_;
  bool enabled_ = false;
  bool nopass_ = false;
  bool sanitizes_payload_ = true;
  std::vector<std::string> password_hashes_;
  std::vector<Selector> selectors_;
};

/// No spaces and no NUL bytes.
bool is_user_name(std::string_view name);

/// A rule as a log may show it: of one about a password, only its kind.
std::string_view shown_rule(std::string_view rule);

/// Puts the words of a `( ... )` together to one rule. The rule that was not closed goes to `unclosed`, and nothing is
/// returned then.
std::optional<std::vector<std::string>> join_selectors(std::span<const std::string_view> words, std::string& unclosed);

}  // namespace stele
