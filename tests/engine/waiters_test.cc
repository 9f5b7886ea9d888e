// Who waits for which key: Waiters alone, without connections.
#include "engine/waiters.h"

#include <gtest/gtest.h>

#include "engine/session.h"

namespace stele::test {
namespace {

using Key = Waiters::Key;

class WaitersTest : public ::testing::Test {
 protected:
  void wait(Session& session, std::vector<std::string_view> keys, int db = 0, bool when_gone = false) {
    waiters_.wait(db, keys, when_gone, session);
  }
  std::vector<Session*> queue(const std::string& key, int db = 0) const {
    std::vector<Session*> sessions;
    std::uint64_t turn = 0;
    while (Session* session = waiters_.next_of(Key(db, key), turn)) {
      sessions.push_back(session);
      turn = session->wait.turn;
    }
    return sessions;
  }

  Waiters waiters_;
  Session a_, b_, c_;
};

TEST_F(WaitersTest, AQueueIsInTheOrderOfArrival) {
  wait(a_, {"k"});
  wait(b_, {"other", "k"});
  wait(c_, {"k"});
  EXPECT_EQ(queue("k"), (std::vector<Session*>{&a_, &b_, &c_}));
  waiters_.forget(a_);
  wait(a_, {"k"});
  EXPECT_EQ(queue("k"), (std::vector<Session*>{&b_, &c_, &a_}));
  EXPECT_EQ(queue("other"), (std::vector<Session*>{&b_}));
}

TEST_F(WaitersTest, AKeyNamedTwiceIsWaitedForOnce) {
  wait(a_, {"k", "k"}, 0, true);
  EXPECT_EQ(a_.wait.keys.size(), 1u);
  waiters_.forget(a_);
  EXPECT_TRUE(waiters_.empty());
  EXPECT_FALSE(a_.wait.waiting());
  EXPECT_FALSE(waiters_.somebody_wakes_when_gone(Key(0, "k")));
}

TEST_F(WaitersTest, KeysAreCountedOnceHoweverManyWaitForThem) {
  wait(a_, {"k", "other"});
  wait(b_, {"k"}, 0, true);
  wait(c_, {"k", "third"}, 1, true);
  EXPECT_EQ(waiters_.keys(), 4u);
  EXPECT_EQ(waiters_.keys_that_wake_when_gone(), 3u);
  waiters_.forget(b_);
  EXPECT_EQ(waiters_.keys(), 4u);
  EXPECT_EQ(waiters_.keys_that_wake_when_gone(), 2u);
}

TEST_F(WaitersTest, OnlyKeysSomebodyWaitsForBecomeReadyEachOnceAndInOrder) {
  wait(a_, {"x", "y"});
  for (const std::string_view key : {"z", "y", "x", "y"}) waiters_.touch(0, key);
  waiters_.touch(1, "x");
  EXPECT_TRUE(waiters_.has_ready());
  EXPECT_EQ(waiters_.take_ready(), (std::vector<Key>{{0, "y"}, {0, "x"}}));
  EXPECT_FALSE(waiters_.has_ready());
  waiters_.touch(0, "x");
  EXPECT_EQ(waiters_.take_ready(), (std::vector<Key>{{0, "x"}}));
}

TEST_F(WaitersTest, ADatabaseThatChangedAsAWholeMakesItsKeysReadyAndNoOthers) {
  wait(a_, {"b", "a"});
  wait(b_, {"a"}, 3);
  waiters_.touch_all(0);
  EXPECT_EQ(waiters_.take_ready(), (std::vector<Key>{{0, "a"}, {0, "b"}}));
}

TEST_F(WaitersTest, WhoWakesWhenAKeyIsGoneIsKnownPerKey) {
  wait(a_, {"k"});
  EXPECT_FALSE(waiters_.somebody_wakes_when_gone(Key(0, "k")));
  wait(b_, {"k"}, 0, true);
  EXPECT_TRUE(waiters_.somebody_wakes_when_gone(Key(0, "k")));
  waiters_.forget(b_);
  EXPECT_FALSE(waiters_.somebody_wakes_when_gone(Key(0, "k")));
}

TEST_F(WaitersTest, AReadyKeyWhoseWaitersAreGoneHasAnEmptyQueue) {
  wait(a_, {"k"});
  waiters_.touch(0, "k");
  waiters_.forget(a_);
  EXPECT_EQ(waiters_.take_ready(), (std::vector<Key>{{0, "k"}}));
  EXPECT_TRUE(queue("k").empty());
}

}  // namespace
}  // namespace stele::test
