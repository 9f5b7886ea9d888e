#include "protocol/resp_split_args.h"
#include "tests/protocol/config_test_support.h"

namespace stele {
namespace {

using test::ConfigDirectory;
using test::load;
using test::parsed;
using test::refusal;
using ::testing::Test;

TEST(ConfigWords, AreSplitAtAnyRunOfSpaces) {
  EXPECT_EQ(split_args("  a\tbc   d "), (Words{"a", "bc", "d"}));
  EXPECT_EQ(split_args("   "), Words{});
}

TEST(ConfigWords, InDoubleQuotesKnowEscapes) {
  EXPECT_EQ(split_args(R"("a b" "\x41\n\"\\" "")"), (Words{"a b", "A\n\"\\", ""}));
  EXPECT_EQ(split_args(R"("\xZZ" "\q")"), (Words{"xZZ", "q"}));
}

TEST(ConfigWords, InSingleQuotesKnowOnlyTheQuote) { EXPECT_EQ(split_args(R"('it\'s' '\n')"), (Words{"it's", "\\n"})); }

TEST(ConfigWords, WithUnbalancedQuotesAreRefused) {
  for (const char* line : {"\"abc", "'abc", "\"a\"b", "'a'b", "\"a\\"}) EXPECT_FALSE(split_args(line)) << line;
}

TEST(ConfigWords, ComeBackFromTheirQuotedForm) {
  std::string bytes;
  for (int byte = 1; byte < 256; ++byte) bytes += static_cast<char>(byte);
  for (const std::string& word :
       {std::string("plain"), std::string(), std::string("a b"), std::string("\"'\\"), bytes}) {
    EXPECT_EQ(split_args(quote_word(word)), Words{word});
  }
}

TEST(ConfigFile, CommentsBlankLinesAndCaseDoNotMatter) {
  const Config config = parsed("# hz 99\n\n   HZ 12  \r\n\tloglevel VERBOSE\n");
  EXPECT_EQ(config.hz, 12);
  EXPECT_EQ(config.loglevel, LogLevel::verbose);
}

TEST(ConfigFile, TheLaterOfTwoLinesWins) { EXPECT_EQ(parsed("hz 12\nhz 13\n").hz, 13); }

TEST(ConfigFile, MemoryUnitsAreDecimalWithoutTheBAndBinaryWithIt) {
  const std::vector<std::pair<std::string, std::int64_t>> sizes = {
      {"100", 100},     {"10b", 10},        {"1k", 1000},     {"1kb", 1024}, {"1m", 1000000},
      {"2MB", 2 << 20}, {"1g", 1000000000}, {"1GB", 1 << 30}, {"1Kb", 1024}, {"0", 0},
  };
  for (const auto& [text, bytes] : sizes) EXPECT_EQ(parsed("maxmemory " + text).maxmemory, bytes) << text;
}

TEST(ConfigFile, WhatIsNoMemorySizeIsRefused) {
  for (const char* text : {"abc", "1.5gb", "-1", "3x", "50%", "\" 3\"", "1tb"}) {
    EXPECT_NE(refusal(std::string("maxmemory ") + text).find("argument must be a memory value"), std::string::npos);
  }
}

TEST(ConfigFile, ASizeThatOverflowsIsOutOfRange) {
  for (const char* text : {"9223372036854775808", "99999999999999999999999", "18446744073709551615gb"}) {
    EXPECT_NE(refusal(std::string("maxmemory ") + text).find("argument must be between"), std::string::npos) << text;
  }
}

TEST(ConfigFile, ClientsMemoryMayBeAShare) {
  EXPECT_EQ(parsed("maxmemory-clients 5%").maxmemory_clients, (MemoryOrPercent{.bytes = 0, .percent = 5}));
  EXPECT_EQ(parsed("maxmemory-clients 1mb").maxmemory_clients, (MemoryOrPercent{.bytes = 1 << 20, .percent = 0}));
}

TEST(ConfigFile, SaveLinesAddUpAndAnEmptyOneClears) {
  EXPECT_EQ(parsed("save 1 2\nsave 3 4 5 6\n").save, (std::vector<SavePoint>{{1, 2}, {3, 4}, {5, 6}}));
  EXPECT_EQ(parsed("save 1 2\nsave \"\"\nsave 7 8\n").save, (std::vector<SavePoint>{{7, 8}}));
  EXPECT_TRUE(parsed("save \"\"\n").save.empty());
  EXPECT_EQ(parsed("").save.size(), 3U);
}

TEST(ConfigFile, OutputBufferLimitsChangeOnlyTheClassesGiven) {
  const OutputBufferLimits limits =
      parsed("client-output-buffer-limit normal 1mb 2kb 3\nclient-output-buffer-limit slave 4 5 6\n")
          .client_output_buffer_limit;
  EXPECT_EQ(limits.normal, (OutputBufferLimit{1 << 20, 2 << 10, 3}));
  EXPECT_EQ(limits.replica, (OutputBufferLimit{4, 5, 6}));
  EXPECT_EQ(limits.pubsub, OutputBufferLimits().pubsub);
}

TEST(ConfigFile, OldNamesMeanTheNewOnes) {
  const Config config =
      parsed("slave-priority 7\nhash-max-ziplist-entries 9\nlua-time-limit 11\nslaveof 127.0.0.1 6380\n");
  EXPECT_EQ(config.replica_priority, 7);
  EXPECT_EQ(config.hash_max_listpack_entries, 9);
  EXPECT_EQ(config.busy_reply_threshold, 11);
  EXPECT_EQ(config.replicaof, (PrimaryAddress{"127.0.0.1", 6380}));
}

TEST(ConfigFile, ReplicaOfNoOneIsNobody) { EXPECT_EQ(parsed("replicaof h 1\nreplicaof no one\n").replicaof.host, ""); }

TEST(ConfigFile, RepeatedDirectivesAreAllKept) {
  const Config config = parsed("user a on >x ~*\nuser b off\nrename-command FLUSHALL \"\"\nrename-command GET G\n");
  EXPECT_EQ(config.users, (std::vector<Words>{{"a", "on", ">x", "~*"}, {"b", "off"}}));
  EXPECT_EQ(config.renamed_commands, (std::vector<Words>{{"FLUSHALL", ""}, {"GET", "G"}}));
}

TEST(ConfigFile, OurOwnDirectivesAreRead) {
  const Config config = parsed("resident-memory 1gb\njournal-segment-size 1mb\nwarm-up no\n");
  EXPECT_EQ(config.resident_memory, 1 << 30);
  EXPECT_EQ(config.journal_segment_size, 1 << 20);
  EXPECT_FALSE(config.warm_up);
}

TEST(ConfigFile, DirectivesWithoutEffectAreCheckedAndNamed) {
  const Result<LoadedConfig> loaded = load_config_text("activerehashing no\nhz 5\n", "test.conf");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->without_effect, (std::set<std::string_view>{"activerehashing"}));
  EXPECT_NE(refusal("activerehashing maybe").find("argument must be 'yes' or 'no'"), std::string::npos);
}

TEST(ConfigFile, AnErrorNamesFileLineTextAndReason) {
  EXPECT_EQ(refusal("hz 5\n\n  maxmemory 1 2\n"),
            "\n*** FATAL CONFIG FILE ERROR (stele) ***\n"
            "Reading the configuration file, at line 3 of test.conf\n"
            ">>> 'maxmemory 1 2'\n"
            "wrong number of arguments\n");
}

TEST(ConfigFile, AMistypedDirectiveGetsASuggestion) {
  EXPECT_NE(refusal("max-memory 1gb").find("Bad directive or wrong number of arguments; did you mean 'maxmemory'?"),
            std::string::npos);
  EXPECT_NE(refusal("append_fsync always").find("did you mean 'appendfsync'?"), std::string::npos);
  EXPECT_EQ(refusal("quite-another-thing 1").find("did you mean"), std::string::npos);
}

TEST(ConfigFile, SecretsStayOutOfMessages) {
  for (const char* text :
       {"requirepass hunter2 x", "masterauth \"hunter2", "requirepas hunter2", "tls-key-file-pass hunter2 x",
        "user bob on >hunter2\nuser bob on >hunter2", "REQUIREPASS hunter2 x"}) {
    EXPECT_EQ(refusal(text).find("hunter2"), std::string::npos) << text;
  }
}

TEST(ConfigFile, ReasonsAreThoseOfRedis) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"maxmemory", "wrong number of arguments"},
      {"requirepass \"a\"b", "Unbalanced quotes in configuration line"},
      {"appendfsync sometimes", "argument(s) must be one of the following: everysec, always, no"},
      {"port 70000", "argument must be between 0 and 65535 inclusive"},
      {"hz +1", "argument couldn't be parsed into an integer"},
      {"hz 007", "argument couldn't be parsed into an integer"},
      {"hz \"\"", "argument couldn't be parsed into an integer"},
      {"unixsocketperm 800", "argument couldn't be parsed as an octal number"},
      {"save 1", "Invalid save parameters"},
      {"save 0 1", "Invalid save parameters"},
      {"slaveof a 99999", "Invalid master port"},
      {"slaveof a", "wrong number of arguments"},
      {"notify-keyspace-events q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."},
      {"dir /nonexistent", "No such file or directory"},
      {"dbfilename a/b", "dbfilename can't be a path, just a filename"},
      {"rename-command GET", "Bad directive or wrong number of arguments"},
      {"user", "Bad directive or wrong number of arguments"},
      {"sentinel monitor x", "sentinel directive while not in sentinel mode"},
      {"bind a b c d e f g h i j k l m n o p q", "Too many bind addresses specified."},
      {"shutdown-on-sigterm save nosave", "shutdown options SAVE and NOSAVE can't be used simultaneously"},
      {"replicaof a 1\ncluster-enabled yes", "replicaof directive not allowed in cluster mode"},
      {"maxmemory-clients 101%", "percentage argument must be less or equal to 100"},
      {"oom-score-adj-values 1 2 2001", "Invalid oom-score-adj-values, elements must be between -2000 and 2000."},
      {"proc-title-template {foo}", "template format is invalid or contains unknown variables"},
  };
  for (const auto& [text, reason] : cases) {
    EXPECT_NE(refusal(text).find("\n" + reason + "\n"), std::string::npos) << text << refusal(text);
  }
}

class ConfigInclude : public Test {
 protected:
  ConfigDirectory directory_;
};

TEST_F(ConfigInclude, IsReadInPlace) {
  const std::string inner = directory_.write("inner.conf", "hz 20\nport 1\n");
  const std::string outer = directory_.write("outer.conf", "hz 10\ninclude " + inner + "\nport 2\n");
  const Result<LoadedConfig> loaded = load({outer});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->config.hz, 20);
  EXPECT_EQ(loaded->config.port, 2);
  EXPECT_EQ(loaded->file, outer);
}

TEST_F(ConfigInclude, TakesAPatternInTheOrderOfNames) {
  directory_.write("b.inc", "hz 22");
  directory_.write("a.inc", "hz 11");
  const Result<LoadedConfig> loaded = load({directory_.write("outer.conf", "include " + directory_.path("*.inc"))});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_EQ(loaded->config.hz, 22);
}

TEST_F(ConfigInclude, APatternWithoutAMatchIsFine) {
  EXPECT_TRUE(load({directory_.write("outer.conf", "include " + directory_.path("*.none"))}).ok());
}

TEST_F(ConfigInclude, AMissingFileIsAnErrorAtTheIncludingLine) {
  const std::string outer = directory_.write("outer.conf", "hz 5\ninclude /nonexistent/x.conf\n");
  const std::string message = load({outer}).status().message();
  EXPECT_NE(message.find("at line 2 of " + outer), std::string::npos) << message;
  EXPECT_NE(message.find("can't open config file '/nonexistent/x.conf': No such file or directory"), std::string::npos);
}

TEST_F(ConfigInclude, AnErrorInsideNamesTheInnerFileAndItsLine) {
  const std::string inner = directory_.write("inner.conf", "\n\nhz x\n");
  const std::string message = load({directory_.write("outer.conf", "include " + inner)}).status().message();
  EXPECT_NE(message.find("at line 3 of " + inner + "\n>>> 'hz x'"), std::string::npos) << message;
}

TEST_F(ConfigInclude, AFileThatIncludesItselfIsRefused) {
  const std::string self = directory_.path("self.conf");
  directory_.write("self.conf", "include " + self);
  EXPECT_NE(load({self}).status().message().find("includes inside each other"), std::string::npos);
}

TEST_F(ConfigInclude, SavePointsAfterItReplaceThoseInIt) {
  const std::string inner = directory_.write("inner.conf", "save 1 1\n");
  const Result<LoadedConfig> loaded = load({directory_.write("o.conf", "include " + inner + "\nsave 2 2\nsave 3 3\n")});
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->config.save, (std::vector<SavePoint>{{2, 2}, {3, 3}}));
}

/// What a command line makes of the defaults, or the refusal.
Config with(const std::vector<std::string>& arguments, const std::string& input = "") {
  const Result<LoadedConfig> loaded = load(arguments, input);
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return loaded.ok() ? loaded->config : Config();
}

TEST(ConfigCommandLine, WithoutArgumentsIsTheDefault) { EXPECT_EQ(with({}), Config()); }

TEST(ConfigCommandLine, DirectivesAndValuesMayBeOneArgumentOrSeveral) {
  const Config config =
      with({"--hz", "7", "--maxmemory 5mb", "--SAVE", "3600 1 300 100", "--bind", "127.0.0.1", "::1"});
  EXPECT_EQ(config.hz, 7);
  EXPECT_EQ(config.maxmemory, 5 << 20);
  EXPECT_EQ(config.save, (std::vector<SavePoint>{{3600, 1}, {300, 100}}));
  EXPECT_EQ(config.bind, (Words{"127.0.0.1", "::1"}));
}

TEST(ConfigCommandLine, AValueMayBeginWithDashes) {
  EXPECT_EQ(with({"--requirepass", "--foo", "--hz", "7"}).requirepass, "--foo");
  EXPECT_EQ(with({"--requirepass", "--foo", "--hz", "7"}).hz, 7);
  EXPECT_EQ(with({"--proc-title-template", "--my--title"}).proc_title_template, "--my--title");
}

TEST(ConfigCommandLine, ValuesAreTakenLiterally) {
  EXPECT_EQ(with({"--requirepass", R"(a\x41 "b" 'c')"}).requirepass, R"(a\x41 "b" 'c')");
}

TEST(ConfigCommandLine, SaveMayStandAlone) {
  EXPECT_TRUE(with({"--save", ""}).save.empty());
  EXPECT_TRUE(with({"--save"}).save.empty());
  EXPECT_TRUE(with({"--save", "--hz", "20"}).save.empty());
  EXPECT_EQ(with({"--save", "--hz", "20"}).hz, 20);
  EXPECT_EQ(with({"--save", "1", "1", "--save", "2", "2"}).save, (std::vector<SavePoint>{{1, 1}, {2, 2}}));
}

TEST(ConfigCommandLine, SeveralFlagsOfAShutdownSignal) {
  EXPECT_EQ(with({"--shutdown-on-sigterm", "nosave", "force"}).shutdown_on_sigterm, kShutdownNoSave | kShutdownForce);
  EXPECT_EQ(with({"--shutdown-on-sigterm", "nosave force"}).shutdown_on_sigterm, kShutdownNoSave | kShutdownForce);
}

TEST(ConfigCommandLine, OverridesStandardInputWhichOverridesTheFile) {
  const ConfigDirectory directory;
  const std::string file = directory.write("c.conf", "hz 1\nport 1\ntimeout 1\n");
  const Config config = with({file, "--timeout", "3", "-"}, "port 2\ntimeout 2\n");
  EXPECT_EQ(config.hz, 1);
  EXPECT_EQ(config.port, 2);
  EXPECT_EQ(config.timeout, 3);
  EXPECT_EQ(with({"-"}, "hz 33").hz, 33);
  EXPECT_EQ(with({"-", "--hz", "44"}, "hz 33").hz, 44);
}

TEST(ConfigCommandLine, AMissingFileIsNamed) {
  EXPECT_EQ(load({"/nonexistent/c.conf"}).status().message(),
            "can't open config file '/nonexistent/c.conf': No such file or directory");
}

TEST(ConfigCommandLine, AnErrorNamesTheDirective) {
  const std::string message = load({"--hz", "5", "--maxmemory"}).status().message();
  EXPECT_NE(message.find("Reading the command line, at directive 2\n>>> 'maxmemory'\nwrong number of arguments\n"),
            std::string::npos)
      << message;
}

}  // namespace
}  // namespace stele
