// Rules of users: what they mean, what they are printed as, what is refused.

#include "protocol/acl/user.h"

#include <gtest/gtest.h>

#include "protocol/acl/acl.h"
#include "protocol/acl/key_access.h"
#include "protocol/server.h"
#include "replication/replication.h"

namespace stele::test {
namespace {

class AclUserTest : public ::testing::Test {
 protected:
  AclUserTest() { register_commands(registry_), registry_.add(replication_commands()); }

  /// The first error, after which the rest is not applied.
  RuleError apply(std::initializer_list<std::string_view> rules) {
    for (const std::string_view rule : rules) {
      if (const RuleError error = user_.apply(rule, &registry_, false); error != RuleError::none) return error;
    }
    return RuleError::none;
  }

  std::string commands(std::initializer_list<std::string_view> rules) {
    EXPECT_EQ(apply(rules), RuleError::none);
    return user_.selectors().front().commands_text();
  }
  std::string keys(std::initializer_list<std::string_view> rules) {
    EXPECT_EQ(apply(rules), RuleError::none);
    return user_.selectors().front().keys_text();
  }

  Verdict check(std::initializer_list<std::string_view> args) {
    const std::vector<std::string_view> words(args);
    const RegisteredCommand* command = registry_.find(words[0]);
    if (!command->subcommands.empty()) command = CommandRegistry::find_subcommand(*command, words[1]);
    std::vector<KeyPosition> keys;
    return user_.check(*command, words, keys);
  }
  bool may(std::initializer_list<std::string_view> args) { return check(args).allowed(); }

  CommandRegistry registry_;
  AclUser user_{"someone", false};
};

TEST_F(AclUserTest, ANewUserMayDoNothing) {
  EXPECT_EQ(user_.text(), "off sanitize-payload resetchannels -@all");
  EXPECT_FALSE(may({"get", "key"}));
  EXPECT_FALSE(may({"ping"}));
  EXPECT_TRUE(may({"auth", "password"}));
  EXPECT_FALSE(user_.has_password(""));
}

TEST_F(AclUserTest, TheDefaultUserCostsNoChecks) {
  const std::unique_ptr<AclUser> user = make_default_user(registry_);
  EXPECT_TRUE(user->unrestricted());
  EXPECT_EQ(user->text(), "on nopass sanitize-payload ~* &* +@all");
  EXPECT_EQ(user->apply("-get", &registry_, false), RuleError::none);
  EXPECT_FALSE(user->unrestricted());
}

TEST_F(AclUserTest, CommandRulesKeepTheirOrderAndReplaceOlderOnes) {
  EXPECT_EQ(commands({"+@all", "-@string", "-@slow", "+get"}), "+@all -@string -@slow +get");
  EXPECT_EQ(commands({"-@string"}), "+@all -@slow +get -@string");
  EXPECT_EQ(commands({"+@string"}), "+@all -@slow +get +@string");
  EXPECT_EQ(commands({"-@all"}), "-@all");
  EXPECT_EQ(commands({"+@STRING", "+@string", "+@StRiNg"}), "-@all +@string");
  EXPECT_EQ(commands({"-@all", "+GET", "+get", "+gEt"}), "-@all +get");
  EXPECT_EQ(commands({"-@all", "+get", "-set", "+set", "-get"}), "-@all +set -get");
  EXPECT_EQ(commands({"-@all", "+client|list", "+client|list", "+config|get", "+config", "-client"}), "-@all +config -client");
  EXPECT_EQ(commands({"-@all", "-@dangerous"}), "-@all -@dangerous");
  EXPECT_EQ(commands({"-@all", "+config", "+config|get", "-config|set", "+config"}), "-@all +config");
  EXPECT_EQ(commands({"allcommands", "+client|id"}), "+@all +client|id");
  EXPECT_EQ(commands({"nocommands", "+select|0", "+get|Foo"}), "-@all +select|0 +get|foo");
}

TEST_F(AclUserTest, CommandsAreAllowedOneByOneByCategoryAndBySubcommand) {
  apply({"~*", "+get", "+client|id", "+@transaction", "+select|0"});
  EXPECT_TRUE(may({"get", "key"}));
  EXPECT_FALSE(may({"set", "key", "value"}));
  EXPECT_TRUE(may({"client", "id"}));
  EXPECT_FALSE(may({"client", "list"}));
  EXPECT_TRUE(may({"multi"}));
  EXPECT_TRUE(may({"select", "0"}));
  EXPECT_FALSE(may({"select", "1"}));
  apply({"+client", "-client|kill"});
  EXPECT_TRUE(may({"client", "list"}));
  EXPECT_FALSE(may({"client", "kill", "id", "1"}));
  apply({"-select"});
  EXPECT_FALSE(may({"select", "0"}));
  apply({"-@all", "+@all", "-@dangerous"});
  EXPECT_FALSE(may({"config", "get", "*"}));
  EXPECT_TRUE(may({"set", "key", "value"}));
}

TEST_F(AclUserTest, KeyPatternsHaveRights) {
  EXPECT_EQ(keys({"+@all", "%R~r:*", "%W~w:*", "%RW~rw", "~x[ab]"}), "%R~r:* %W~w:* ~rw ~x[ab]");
  EXPECT_TRUE(may({"get", "r:1"}));
  EXPECT_EQ(check({"set", "r:1", "v"}).denial, Denial::key);
  EXPECT_TRUE(may({"set", "w:1", "v"}));
  EXPECT_FALSE(may({"set", "w:1", "v", "GET"}));
  EXPECT_FALSE(may({"get", "w:1"}));
  EXPECT_TRUE(may({"set", "rw", "v", "GET"}));
  EXPECT_TRUE(may({"get", "xa"}));
  EXPECT_FALSE(may({"get", "xc"}));
  EXPECT_TRUE(may({"copy", "r:1", "w:1"}));
  EXPECT_FALSE(may({"copy", "w:1", "r:1"}));
  EXPECT_TRUE(may({"exists", "r:1", "w:1"}));
  EXPECT_EQ(check({"mget", "r:1", "rw", "w:1"}).position, 3);
  EXPECT_EQ(keys({"resetkeys", "%R~foo", "%W~foo"}), "~foo");
  EXPECT_EQ(keys({"allkeys"}), "~*");
}

TEST_F(AclUserTest, SelectorsDoNotAddUp) {
  apply({"(%R~r* +@all)", "(%W~w* +@all)"});
  EXPECT_TRUE(may({"get", "r"}));
  EXPECT_TRUE(may({"append", "w", "x"}));
  EXPECT_FALSE(may({"copy", "r", "w"}));
  EXPECT_EQ(user_.text(), "off sanitize-payload resetchannels -@all (%R~r* resetchannels +@all) (%W~w* resetchannels +@all)");
  apply({"clearselectors"});
  EXPECT_FALSE(may({"get", "r"}));
  EXPECT_EQ(user_.selectors().size(), 1u);
}

TEST_F(AclUserTest, OfSeveralRefusalsTheOneThatWentFurthestIsTold) {
  apply({"+mget", "~key", "(+mget ~key ~other)"});
  EXPECT_EQ(check({"get", "key"}).denial, Denial::command);
  const Verdict verdict = check({"mget", "other", "third"});
  EXPECT_EQ(verdict.denial, Denial::key);
  EXPECT_EQ(verdict.position, 2);
}

TEST_F(AclUserTest, ChannelsAreMatchedAndPatternsComparedLiterally) {
  apply({"+@all", "&news:*", "&exact"});
  EXPECT_TRUE(may({"publish", "news:1", "m"}));
  EXPECT_FALSE(may({"publish", "other", "m"}));
  EXPECT_TRUE(may({"subscribe", "news:1", "exact"}));
  EXPECT_EQ(check({"subscribe", "news:1", "other"}).position, 2);
  EXPECT_TRUE(may({"psubscribe", "news:*"}));
  EXPECT_FALSE(may({"psubscribe", "news:1"}));
  EXPECT_EQ(check({"psubscribe", "news:1"}).denial, Denial::channel);
  EXPECT_TRUE(may({"unsubscribe", "other"}));
  EXPECT_TRUE(may({"ssubscribe", "exact"}));
  EXPECT_FALSE(may({"spublish", "other", "m"}));
}

TEST_F(AclUserTest, PasswordsAreKeptAsHashes) {
  apply({">secret", ">secret", ">other"});
  ASSERT_EQ(user_.password_hashes().size(), 2u);
  EXPECT_EQ(user_.password_hashes()[0], "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
  EXPECT_TRUE(user_.has_password("secret"));
  EXPECT_FALSE(user_.has_password("secre"));
  EXPECT_EQ(apply({"<secret"}), RuleError::none);
  EXPECT_FALSE(user_.has_password("secret"));
  EXPECT_EQ(apply({"<secret"}), RuleError::no_such_password);
  apply({"nopass"});
  EXPECT_TRUE(user_.has_password("anything"));
  apply({">x"});
  EXPECT_FALSE(user_.has_password("anything"));
  apply({"resetpass"});
  EXPECT_FALSE(user_.has_password("x"));
}

TEST_F(AclUserTest, ResetMakesANewUser) {
  apply({"on", ">x", "~*", "+@all", "(+get)", "skip-sanitize-payload", "allchannels"});
  apply({"reset"});
  EXPECT_EQ(user_.text(), AclUser("someone", false).text());
  EXPECT_EQ(user_.apply("reset", &registry_, true), RuleError::none);
  EXPECT_EQ(user_.text(), "off sanitize-payload &* -@all");
}

TEST_F(AclUserTest, MistakesAreRefused) {
  EXPECT_EQ(apply({"nonsense"}), RuleError::syntax);
  EXPECT_EQ(apply({"+nosuch"}), RuleError::unknown_command);
  EXPECT_EQ(apply({"+@nosuch"}), RuleError::unknown_command);
  EXPECT_EQ(apply({"-select|0"}), RuleError::unknown_command);
  EXPECT_EQ(apply({"+config|nosuch"}), RuleError::unknown_command);
  EXPECT_EQ(apply({"+get|a|b"}), RuleError::unknown_command);
  EXPECT_EQ(apply({"+get|"}), RuleError::syntax);
  EXPECT_EQ(apply({"+config|get|port"}), RuleError::argument_of_subcommand);
  EXPECT_EQ(apply({"~a b"}), RuleError::syntax);
  EXPECT_EQ(apply({"&a b"}), RuleError::syntax);
  EXPECT_EQ(apply({"%~a"}), RuleError::syntax);
  EXPECT_EQ(apply({"%R"}), RuleError::syntax);
  EXPECT_EQ(apply({"%RX~a"}), RuleError::syntax);
  EXPECT_EQ(apply({"#abc"}), RuleError::bad_hash);
  EXPECT_EQ(apply({"(>pw)"}), RuleError::syntax);
  EXPECT_EQ(apply({"(+get"}), RuleError::syntax);
  EXPECT_EQ(apply({")"}), RuleError::syntax);
  EXPECT_EQ(apply({"allkeys", "~a"}), RuleError::keys_after_all);
  EXPECT_EQ(apply({"allchannels", "&a"}), RuleError::channels_after_all);
}

TEST_F(AclUserTest, KeysThatOnlyParsingFindsAreChecked) {
  apply({"+@all", "%R~read*", "%W~write*", "%RW~rw*"});
  if (registry_.find("sort") != nullptr) {
    EXPECT_TRUE(may({"sort", "read", "STORE", "write"}));
    EXPECT_FALSE(may({"sort", "read", "STORE", "read"}));
    EXPECT_FALSE(may({"sort", "read", "GET", "STORE", "STORE", "read"}));
  }
  if (registry_.find("bitfield") != nullptr) {
    EXPECT_TRUE(may({"bitfield", "read", "get", "u4", "0"}));
    EXPECT_FALSE(may({"bitfield", "read", "get", "u4", "0", "set", "u4", "0", "1"}));
    EXPECT_FALSE(may({"bitfield", "write", "set", "u4", "0", "1"}));
    EXPECT_TRUE(may({"bitfield", "rw", "set", "u4", "0", "1"}));
  }
  if (registry_.find("migrate") != nullptr) {
    EXPECT_TRUE(may({"migrate", "h", "1", "", "0", "5", "AUTH", "KEYS", "KEYS", "rw"}));
    EXPECT_FALSE(may({"migrate", "h", "1", "", "0", "5", "AUTH2", "KEYS", "1", "KEYS", "read"}));
    EXPECT_FALSE(may({"migrate", "h", "1", "read", "0", "5"}));
  }
}

TEST_F(AclUserTest, ReadingEveryKeyTakesAPatternForAllOfThem) {
  const RegisteredCommand& get = *registry_.find("get");
  const std::vector<std::string_view> args{"get", "mine"};
  apply({"+get", "~mine"});
  EXPECT_FALSE(user_.reads_every_key(get, args));
  apply({"%W~*"});
  EXPECT_FALSE(user_.reads_every_key(get, args));
  apply({"%R~*"});
  EXPECT_TRUE(user_.reads_every_key(get, args));
}

TEST(AclRules, TheWordsOfASelectorAreOneRule) {
  std::string unclosed;
  const std::vector<std::string_view> words{"(~a", "+get", ")", "on", "(", "~b", "+get)", "(~c)"};
  const auto rules = join_selectors(words, unclosed);
  ASSERT_TRUE(rules);
  EXPECT_EQ(*rules, (std::vector<std::string>{"(~a +get )", "on", "( ~b +get)", "(~c)"}));
  const std::vector<std::string_view> open{"on", "(a", "b"};
  EXPECT_FALSE(join_selectors(open, unclosed));
  EXPECT_EQ(unclosed, "(a b");
}

TEST(AclRules, OfAPasswordOnlyTheKindIsShown) {
  EXPECT_EQ(shown_rule(">secret"), ">");
  EXPECT_EQ(shown_rule("#0123"), "#");
  EXPECT_EQ(shown_rule("+get"), "+get");
}

}  // namespace
}  // namespace stele::test
