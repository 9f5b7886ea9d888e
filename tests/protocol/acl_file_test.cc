// The aclfile: read whole or not at all, with Redis' messages; and the log of refusals.

#include <gtest/gtest.h>

#include "protocol/acl/acl.h"
#include "protocol/server.h"
#include "replication/replication.h"

namespace stele::test {
namespace {

class AclFile : public ::testing::Test {
 protected:
  AclFile() { register_commands(registry_), registry_.add(replication_commands()); }
  std::string errors(std::string_view text) {
    users_.clear();
    return parse_acl_file(text, "u.acl", &registry_, false, users_);
  }

  static constexpr std::string_view kEnd =
      "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
  CommandRegistry registry_;
  std::map<std::string, std::unique_ptr<AclUser>, std::less<>> users_;
};

TEST_F(AclFile, ALineMakesAUser) {
  EXPECT_EQ(errors("user a on nopass ~* +@all (+get ~b)\r\n\n  user b off +get\t\n"), "");
  ASSERT_EQ(users_.size(), 2u);
  EXPECT_EQ(users_["a"]->text(), "on nopass sanitize-payload ~* resetchannels +@all (~b resetchannels -@all +get)");
  EXPECT_EQ(users_["b"]->text(), "off sanitize-payload resetchannels -@all +get");
}

TEST_F(AclFile, EveryMistakeIsToldWithItsLine) {
  EXPECT_EQ(errors("user a on >x\nuser a on >y\nbad line\nuser q +nosuch\n"),
            "WARNING: Duplicate user 'a' found on line 2. u.acl:3 should start with user keyword followed by the username. "
            "u.acl:4: Error in applying operation '+nosuch': Unknown command or category name in ACL. " +
                std::string(kEnd));
  EXPECT_EQ(errors("user a foo bar\n"), "u.acl:1: Syntax error. " + std::string(kEnd));
  EXPECT_EQ(errors("user\n"), "u.acl:1 should start with user keyword followed by the username. " + std::string(kEnd));
  EXPECT_EQ(errors("user a +get (~a\n"), "u.acl:1: Unmatched parenthesis in selector definition." + std::string(kEnd));
}

TEST_F(AclFile, WhatIsPrintedIsReadBackAsTheSame) {
  const std::string line =
      "user x on nopass skip-sanitize-payload %R~a %W~b ~c resetchannels &n* -@all +@string -get +client|id "
      "(~d &* +@all -@dangerous)";
  ASSERT_EQ(errors(line), "");
  const std::string text = users_["x"]->text();
  ASSERT_EQ(errors("user x " + text), "");
  EXPECT_EQ(users_["x"]->text(), text);
}

TEST(AclLogTest, LikeEventsAreCountedTogether) {
  AclLog log;
  const auto add = [&](std::string_view object, std::int64_t ms, Denial reason = Denial::key) {
    AclLog::Entry entry;
    entry.reason = reason;
    entry.object = object;
    entry.user = "u";
    entry.created = entry.updated = UnixTime(ms);
    log.add(std::move(entry), 12);
  };
  add("a", 1000);
  add("b", 2000);
  add("a", 3000);
  ASSERT_EQ(log.entries().size(), 2u);
  EXPECT_EQ(log.entries()[0].object, "a");
  EXPECT_EQ(log.entries()[0].count, 2u);
  EXPECT_EQ(log.entries()[0].created, UnixTime(1000));
  EXPECT_EQ(log.entries()[0].updated, UnixTime(3000));
  add("a", 3000, Denial::command);
  EXPECT_EQ(log.entries().size(), 3u);
  add("a", 70'000);
  EXPECT_EQ(log.entries().size(), 4u) << "too long after the others";
  for (int i = 0; i < 20; ++i) add(std::to_string(i), 80'000);
  EXPECT_EQ(log.entries().size(), 12u);
  EXPECT_EQ(log.entries()[0].object, "19");
}

}  // namespace
}  // namespace stele::test
