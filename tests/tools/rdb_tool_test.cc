// stele-rdb's sub-commands on files that stock Redis writes, and what they write themselves.

#include "tests/tools/rdb_tool.h"

#include <map>
#include <optional>
#include <regex>
#include <set>

#include "tests/support/client.h"
#include "tests/support/server.h"

namespace stele::test {
namespace {

/// A Redis whose data go to a file and come from one.
class RdbCommands : public RdbTool {
 protected:
  RedisServer& redis() {
    if (!redis_) redis_.emplace(std::vector<std::string>{"--appendonly", "no", "--databases", "64"});
    return *redis_;
  }

  /// A file with a little of everything.
  fs::path sample() {
    Client client = redis().connect();
    client.run("FLUSHALL");
    client.run("FUNCTION", "FLUSH");
    client.run("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)");
    client.run("SET", "plain", "text");
    client.run("SET", std::string_view("bin\xff", 4), std::string_view("\x00\xff\"", 3));
    client.run("SET", "later", "x", "PXAT", "4102444800000");
    client.run("RPUSH", "list", "a", "b", "3");
    client.run("SADD", "ints", "1", "2", "3");
    client.run("SADD", "words", "x", "y");
    client.run("ZADD", "board", "1.5", "p1", "-inf", "p2", "2", "p3");
    client.run("HSET", "user:1:cart", "f", "v", "n", "7");
    client.run("HSET", "user:2:cart", "f", std::string(5000, 'v'));
    client.run("XADD", "stream", "1-1", "f", "v");
    client.run("XADD", "stream", "2-1", "f", "w");
    client.run("XADD", "stream", "3-1", "g", "x");
    client.run("XGROUP", "CREATE", "stream", "g", "0");
    client.run("XREADGROUP", "GROUP", "g", "me", "COUNT", "2", "STREAMS", "stream", ">");
    client.run("XDEL", "stream", "2-1");
    client.run("SELECT", 3);
    client.run("SET", "plain", "elsewhere");
    client.run("SAVE");
    fs::copy_file(redis().directory() / "dump.rdb", path("dump.rdb"), fs::copy_options::overwrite_existing);
    return path("dump.rdb");
  }

  std::string digest() { return redis().run("DEBUG", "DIGEST").text; }

  /// The digest of a file's data in Redis.
  std::string load(const fs::path& file) {
    fs::copy_file(file, redis().directory() / "dump.rdb", fs::copy_options::overwrite_existing);
    const Reply reply = redis().run("DEBUG", "RELOAD", "NOSAVE");
    return reply.is_error() ? reply.text : digest();
  }

 private:
  std::optional<RedisServer> redis_;
};

TEST_F(RdbCommands, CheckSaysWhatIsGoodAndWhatIsNot) {
  const fs::path file = sample();
  const Ran good = run({"check", file});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_NE(good.out.find("good: RDB version 10 (Redis 7.0), 11 keys, 1 function libraries"), std::string::npos)
      << good.out;

  std::string bytes = read_file(file);
  bytes[bytes.size() - 1] = static_cast<char>(bytes[bytes.size() - 1] ^ 1);
  const Ran bad = run({"check", file, write("bad.rdb", bytes)});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_NE(bad.out.find("wrong checksum"), std::string::npos) << bad.out;
  EXPECT_EQ(run({"check", "--no-verify", path("bad.rdb")}).exit_code, 0);

  const Ran absent = run({"check", file, path("absent.rdb")});
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_NE(absent.err.find("absent.rdb"), std::string::npos) << absent.err;
  const auto lines = run_json({"check", "--json", path("bad.rdb")}, 1);
  EXPECT_EQ(lines.at(0)["good"], false);
  EXPECT_EQ(lines.at(0)["problem_count"], 1);
}

TEST_F(RdbCommands, CheckFindsAKeyThatIsThereTwice) {
  // Twice in the file, with more keys between them than the search holds in memory.
  std::string bytes = "REDIS0010";
  const auto add = [&](const std::string& key) {
    bytes += std::string("\0", 1) + static_cast<char>(key.size()) + key + "\1v";
  };
  add("double");
  for (int i = 0; i < 5000; ++i) add("k" + std::to_string(i));
  const std::size_t offset = bytes.size();
  add("double");
  bytes += "\xff" + std::string(8, '\0');
  const Ran ran = run({"check", "--memory", "64kb", write("twice.rdb", bytes)});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.out.find("key \"double\" is there twice in one database, the second time at offset " +
                         std::to_string(offset)),
            std::string::npos)
      << ran.out;
}

TEST_F(RdbCommands, CheckTakesNoTwoKeysForOne) {
  // Similar names in several databases.
  std::string bytes = "REDIS0010";
  for (char db = 0; db < 5; ++db) {
    bytes += std::string("\xfe") + db;
    for (int i = 0; i < 1000; ++i) {
      const std::string key = "session:" + std::to_string(i) + ":data";
      bytes += std::string("\0", 1) + static_cast<char>(key.size()) + key + "\1v";
    }
  }
  bytes += "\xff" + std::string(8, '\0');
  const Ran ran = run({"check", write("similar.rdb", bytes)});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
}

TEST_F(RdbCommands, InfoCountsByDatabaseAndType) {
  const auto lines = run_json({"info", "--json", sample()});
  ASSERT_EQ(lines.size(), 1u);
  const Json& info = lines[0];
  EXPECT_EQ(info["version"], 10);
  EXPECT_EQ(info["readable_from"], "Redis 7.0");
  EXPECT_EQ(info["functions"], Json::array({"lib"}));
  EXPECT_EQ(info["keys"], 11);
  EXPECT_EQ(info["expiring"], 1);
  ASSERT_EQ(info["databases"].size(), 2u);
  EXPECT_EQ(info["databases"][1]["db"], 3);
  EXPECT_EQ(info["databases"][1]["keys"], 1);
  std::map<std::string, int> encodings;
  for (const Json& type : info["databases"][0]["types"])
    encodings[type["type"].get<std::string>() + ' ' + type["encoding"].get<std::string>()] = type["keys"];
  const std::map<std::string, int> expected = {{"string plain", 3}, {"list quicklist2", 1}, {"set intset", 1},
                                               {"set plain", 1},    {"zset listpack", 1},   {"hash listpack", 1},
                                               {"hash plain", 1},   {"stream v2", 1}};
  EXPECT_EQ(encodings, expected);
  const Ran text = run({"info", path("dump.rdb")});
  EXPECT_NE(text.out.find("redis-ver = 7.0.15"), std::string::npos) << text.out;
  EXPECT_EQ(text.err, "");  // no progress in a pipe
}

TEST_F(RdbCommands, LsSelectsByPatternDatabaseTypeSizeAndExpiry) {
  const fs::path file = sample();
  const auto keys = [&](std::vector<std::string> selection) {
    std::set<std::string> out;
    selection.insert(selection.begin(), {"ls", file.native(), "--keys"});
    const Ran ran = run(selection);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    std::istringstream in(ran.out);
    for (std::string line; std::getline(in, line);) out.insert(line);
    return out;
  };
  using Keys = std::set<std::string>;
  EXPECT_EQ(keys({}).size(), 10u);  // "plain" is in two databases
  EXPECT_EQ(keys({"-m", "user:*"}), (Keys{"user:1:cart", "user:2:cart"}));
  EXPECT_EQ(keys({"-m", "list", "--match", "b?ard"}), (Keys{"list", "board"}));
  EXPECT_EQ(keys({"--db", "3"}), (Keys{"plain"}));
  EXPECT_EQ(keys({"--type", "set", "--type", "zset"}), (Keys{"ints", "words", "board"}));
  EXPECT_EQ(keys({"--min-bytes", "4kb"}), (Keys{"user:2:cart"}));
  EXPECT_EQ(keys({"--type", "hash", "--max-bytes", "4kb"}), (Keys{"user:1:cart"}));
  EXPECT_EQ(keys({"--with-ttl"}), (Keys{"later"}));
  EXPECT_EQ(keys({"--without-ttl", "--type", "string", "--db", "0"}), (Keys{"plain", "bin\xff"}));
  EXPECT_EQ(keys({"--now", "4102444000", "--max-ttl", "15m"}), (Keys{"later"}));
  EXPECT_EQ(keys({"--now", "4102444000", "--min-ttl", "15m"}), (Keys{}));
  EXPECT_EQ(keys({"--now", "4102444801", "--expired"}), (Keys{"later"}));
  EXPECT_EQ(keys({"--now", "4102444801", "--no-expired", "--with-ttl"}), (Keys{}));
  EXPECT_EQ(keys({"--limit", "2"}).size(), 2u);
  const auto lines = run_json({"ls", file, "--json", "-m", "user:2:*"});
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["elements"], 1);
  EXPECT_EQ(lines[0]["type"], "hash");
}

TEST_F(RdbCommands, CatShowsEveryType) {
  const fs::path file = sample();
  const auto shows = [&](const std::string& key, const std::string& pattern) {
    const Ran ran = run({"cat", file, key, "--db", "0"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_TRUE(std::regex_search(ran.out, std::regex(pattern))) << ran.out;
  };
  shows("plain", "string \\(plain\\), [0-9]+ B\n  \"text\"\n");
  shows("list", "3 elements\n  1\\) \"a\"\n  2\\) \"b\"\n  3\\) \"3\"\n");
  shows("ints", "  \"1\"\n  \"2\"\n  \"3\"\n");
  shows("board", "  -inf \"p2\"\n  1.5 \"p1\"\n  2 \"p3\"\n");
  shows("user:1:cart", "  \"f\": \"v\"\n  \"n\": \"7\"\n");
  shows("later", "expires 2100-01-01T00:00:00Z");
  shows("stream",
        "2 entries, 3 ever added, last id 3-1, largest deleted id 2-1\n  1-1 \"f\": \"v\"\n(.|\n)*group "
        "\"g\"(.|\n)*2-1 delivered 1x");
  EXPECT_EQ(run({"cat", file, "--raw", "bin*"}).out, std::string_view("\x00\xff\"", 3));
  EXPECT_EQ(run({"cat", file, "no such key"}).exit_code, 1);
  EXPECT_EQ(run({"cat", file, "--raw", "list"}).exit_code, 2);
  const auto lines = run_json({"cat", file, "--json", "plain"});
  EXPECT_EQ(lines.size(), 2u);  // in two databases
}

TEST_F(RdbCommands, ToJsonIsOneDocumentWithArray) {
  const Ran ran = run({"to-json", "--array", sample()});
  EXPECT_EQ(ran.exit_code, 0);
  const Json all = Json::parse(ran.out);
  ASSERT_TRUE(all.is_array());
  EXPECT_EQ(all.front()["record"], "header");
  EXPECT_EQ(all.back()["record"], "end");
  EXPECT_EQ(all.back()["keys"], 11);
}

TEST_F(RdbCommands, ToRespThroughRedisCliGivesTheSameData) {
  const fs::path file = sample();
  const std::string before = digest();
  const auto pending = [&] {
    return describe(redis().run("XPENDING", "stream", "g", "-", "+", "10").elements.at(1).elements.at(0));
  };
  const std::string group = describe(redis().run("XINFO", "STREAM", "stream").elements.at(1));
  EXPECT_EQ(pending(), "\"2-1\"");
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{}, {"--restore"}, {"--replace"}, {"--restore", "--replace"}}) {
    std::vector<std::string> args = {"to-resp", file};
    args.insert(args.end(), options.begin(), options.end());
    const Ran ran = run(args);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    if (options.empty() || options.back() != "--replace") {
      redis().run("FLUSHALL");
      redis().run("FUNCTION", "FLUSH");
    }
    const Outcome piped = run_program("redis-cli", {"-p", std::to_string(redis().port()), "--pipe"}, ran.out);
    EXPECT_NE(piped.output.find("errors: 0"), std::string::npos) << piped.output;
    EXPECT_EQ(digest(), before);
    EXPECT_EQ(redis().run("FCALL", "f", 0).text, "1");
    // An entry that only the group remembers is still pending, and the stream's figures are the old ones.
    EXPECT_EQ(pending(), "\"2-1\"");
    EXPECT_EQ(describe(redis().run("XINFO", "STREAM", "stream").elements.at(1)), group);
  }
}

TEST_F(RdbCommands, RestoreKeepsIdleTimesAndFrequencies) {
  std::string bytes = "REDIS0010";
  bytes += "\xf8\x40\xc8";  // idle for 200 s
  bytes += std::string("\0", 1) + "\1a\1v";
  bytes += "\xff" + std::string(8, '\0');
  const Ran ran = run({"to-resp", "--restore", write("idle.rdb", bytes)});
  EXPECT_EQ(ran.exit_code, 0);
  const Outcome piped = run_program("redis-cli", {"-p", std::to_string(redis().port()), "--pipe"}, ran.out);
  EXPECT_NE(piped.output.find("errors: 0"), std::string::npos) << piped.output;
  EXPECT_GE(redis().run("OBJECT", "IDLETIME", "a").integer(), 200);
}

TEST_F(RdbCommands, ConvertWritesVersionsThatLoadAndHoldTheSame) {
  const fs::path file = sample();
  const std::string before = digest();
  for (const int version : {10, 11, 12}) {
    const fs::path out = path("v" + std::to_string(version) + ".rdb");
    const Ran ran = run({"convert", file, out, "--version", std::to_string(version)});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(run({"check", out}).exit_code, 0);
    EXPECT_EQ(run({"diff", file, out}).exit_code, 0);
    EXPECT_EQ(run_json({"info", "--json", out}).at(0)["version"], version);
  }
  EXPECT_EQ(load(path("v10.rdb")), before);
  EXPECT_EQ(run({"convert", file, path("v10.rdb")}).exit_code, 2) << "it exists";
  EXPECT_EQ(run({"convert", file, path("v10.rdb"), "--force", "--no-compress", "--no-checksum"}).exit_code, 0);
  EXPECT_EQ(load(path("v10.rdb")), before);
}

TEST_F(RdbCommands, ConvertNamesWhatAVersionCannotExpressAndWritesNothing) {
  const fs::path file = sample();
  const Ran refused = run({"convert", file, path("v9.rdb"), "--version", "9"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("\"stream\""), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("\"lib\""), std::string::npos) << refused.err;
  EXPECT_EQ(files(), std::vector<std::string>{"dump.rdb"});

  const std::string before = digest();
  const Ran lossy = run({"convert", file, path("v9.rdb"), "--version", "9", "--lossy"});
  EXPECT_EQ(lossy.exit_code, 0) << lossy.err;
  EXPECT_NE(lossy.err.find("\"stream\""), std::string::npos) << lossy.err;
  EXPECT_EQ(load(path("v9.rdb")), before);  // the digest has no figures of streams
  EXPECT_EQ(run({"diff", file, path("v9.rdb"), "--type", "hash"}).exit_code, 1) << "the library is gone";
}

TEST_F(RdbCommands, ConvertKeepsWhenFieldsExpire) {
  NEEDS_CORPUS();
  const fs::path file = generated("v12__redis-7.4.0__all-types.rdb");
  EXPECT_EQ(run({"convert", file, path("out.rdb"), "--version", "11"}).exit_code, 1);
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(run({"convert", file, path("out.rdb"), "--version", "12"}).exit_code, 0);
  EXPECT_EQ(run({"diff", file, path("out.rdb")}).exit_code, 0);
  EXPECT_EQ(run({"convert", file, path("lossy.rdb"), "--version", "10", "--lossy"}).exit_code, 0);
  EXPECT_EQ(run({"diff", file, path("lossy.rdb")}).exit_code, 1);
  EXPECT_EQ(load(path("lossy.rdb")).size(), 40u);
  const Ran commands = run({"to-resp", "--redis", "7.4", "--type", "hash", file});
  EXPECT_EQ(commands.exit_code, 0);
  EXPECT_NE(commands.out.find("HPEXPIREAT"), std::string::npos);
  EXPECT_EQ(run({"to-resp", file}).exit_code, 1);
}

TEST_F(RdbCommands, ConvertTakesPartOfAFile) {
  const fs::path file = sample();
  EXPECT_EQ(run({"convert", file, path("users.rdb"), "-m", "user:*", "--no-functions"}).exit_code, 0);
  const Json info = run_json({"info", "--json", path("users.rdb")}).at(0);
  EXPECT_EQ(info["keys"], 2);
  EXPECT_TRUE(info["functions"].empty());
}

TEST_F(RdbCommands, DiffNamesEachDifference) {
  const fs::path a = path("a.rdb");
  fs::rename(sample(), a);
  redis().run("SET", "plain", "other");
  redis().run("DEL", "list");
  redis().run("RPUSH", "new", "1");
  redis().run("PERSIST", "later");
  redis().run("DEL", "ints");
  redis().run("SET", "ints", "1");
  redis().run("SREM", "words", "x");
  redis().run("SADD", "words", "x");  // another order, maybe
  redis().run("SAVE");
  const fs::path b = redis().directory() / "dump.rdb";
  for (const char* memory : {"256mb", "64kb"}) {
    const Ran ran = run({"diff", a, b, "--memory", memory});
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_NE(ran.out.find("- 0 \"list\"  list, 3 elements"), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("+ 0 \"new\""), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("~ 0 \"ints\"  type: set"), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("~ 0 \"later\"  expiry: 2100-01-01T00:00:00Z -> never"), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("1 only in the first, 1 only in the second, 3 differ, 7 equal"), std::string::npos)
        << ran.out;
  }
  const auto lines = run_json({"diff", "--json", "--ignore-expiry", a, b}, 1);
  EXPECT_EQ(lines.back(), (Json{{"change", "summary"}, {"only_a", 1}, {"only_b", 1}, {"changed", 2}, {"equal", 8}}));
  EXPECT_EQ(run({"diff", a, a}).exit_code, 0);
}

TEST_F(RdbCommands, MergeTakesEachKeyOnceAndAsksAboutConflicts) {
  const fs::path a = path("a.rdb");
  fs::rename(sample(), a);
  redis().run("SET", "plain", "other");
  redis().run("SET", "new", "1");
  redis().run("SAVE");
  const fs::path b = path("b.rdb");
  fs::copy_file(redis().directory() / "dump.rdb", b);

  const Ran refused = run({"merge", a, b, "-o", path("ab.rdb")});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("key \"plain\" in database 0 is not the same"), std::string::npos) << refused.err;
  EXPECT_FALSE(fs::exists(path("ab.rdb")));
  EXPECT_EQ(files().size(), 2u);

  EXPECT_EQ(run({"merge", a, b, "-o", path("last.rdb"), "--on-conflict", "last", "--memory", "64kb"}).exit_code, 0);
  EXPECT_EQ(run({"diff", b, path("last.rdb")}).exit_code, 0);
  EXPECT_EQ(load(path("last.rdb")), load(b));
  EXPECT_EQ(run({"merge", a, b, "-o", path("first.rdb"), "--on-conflict", "first"}).exit_code, 0);
  EXPECT_EQ(run({"cat", path("first.rdb"), "--db", "0", "--raw", "plain"}).out, "text");
  EXPECT_EQ(run({"check", path("first.rdb")}).exit_code, 0);
  EXPECT_EQ(run({"merge", a, a, "-o", path("same.rdb")}).exit_code, 0) << "equal keys are no conflict";
  EXPECT_EQ(run({"diff", a, path("same.rdb")}).exit_code, 0);
}

TEST_F(RdbCommands, TopRanksKeysTypesPrefixesAndTimes) {
  const fs::path file = sample();
  const auto keys = run_json({"top", file, "--json", "-n", "1"});
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0]["key"], "user:2:cart");
  EXPECT_EQ(run_json({"top", file, "--json", "--by", "type"}).at(0)["type"], "hash");
  const auto prefixes = run_json({"top", file, "--json", "--by", "prefix"});
  EXPECT_EQ(prefixes.at(0)["prefix"], "user:*:cart");
  EXPECT_EQ(prefixes.at(0)["keys"], 2);
  const auto times = run_json({"top", file, "--json", "--by", "ttl"});
  ASSERT_EQ(times.size(), 2u);
  EXPECT_EQ(times[0]["ttl"], "1 year and more");
}

TEST_F(RdbCommands, WrongArgumentsExitWith2AndHelpHasExamples) {
  EXPECT_EQ(run({}).exit_code, 2);
  EXPECT_EQ(run({"ls"}).exit_code, 2);
  EXPECT_EQ(run({"nonsense"}).exit_code, 2);
  EXPECT_EQ(run({"ls", "x.rdb", "--min-bytes", "lots"}).exit_code, 2);
  EXPECT_EQ(run({"convert", "a", "b", "--version", "13"}).exit_code, 2);
  EXPECT_EQ(run({"info", path("absent.rdb")}).exit_code, 2);
  EXPECT_EQ(run({"info", "/tmp"}).exit_code, 2);
  EXPECT_EQ(run({"info", "/dev/null"}).exit_code, 2);
  for (const char* command :
       {"check", "info", "ls", "cat", "to-json", "to-resp", "convert", "diff", "merge", "top", "report"}) {
    const Ran ran = run({command, "--help"});
    EXPECT_EQ(ran.exit_code, 0);
    EXPECT_NE(ran.out.find("Examples:\n  stele-rdb "), std::string::npos) << command;
    const std::string manual = read_file(fs::path(STELE_SOURCE_DIR) / "tools/man/stele-rdb.1");
    EXPECT_NE(manual.find(std::string("\n.SS ") + command), std::string::npos) << command << " is not in the manual";
  }
}

/// The page, as a browser makes it, with `script` run in it at the end.
class RdbReport : public RdbCommands {
 protected:
  static std::string browser() {
    for (const char* name : {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"}) {
      if (fs::exists(name)) return name;
    }
    return "";
  }
  std::string rendered(const fs::path& page, const std::string& script) {
    std::string html = read_file(page);
    const std::size_t end = html.rfind("</body>");
    EXPECT_NE(end, std::string::npos);
    html.insert(end, "<script>" + script + "</script>");
    const fs::path copy = write("rendered.html", html);
    return run_program(browser(),
                       {"--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + path("profile").native(),
                        "--dump-dom", "file://" + copy.native()})
        .output;
  }
  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  }
};

TEST_F(RdbReport, IsOnePageThatNeedsNothingElse) {
  const Ran ran = run({"report", sample(), "-o", path("report.html")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const std::string page = read_file(path("report.html"));
  EXPECT_EQ(page.find("/*DATA*/"), std::string::npos);
  // Names of XML are no addresses that anything is fetched from.
  const std::string without_names = std::regex_replace(page, std::regex("http://www\\.w3\\.org/[a-z0-9/]+"), "");
  EXPECT_EQ(without_names.find("http"), std::string::npos);
  EXPECT_EQ(page.find("src="), std::string::npos);
  EXPECT_EQ(page.find("<link"), std::string::npos);
  EXPECT_EQ(run({"report", path("dump.rdb"), "-o", path("report.html")}).exit_code, 2) << "it exists";
}

TEST_F(RdbReport, AKeyCannotEndTheScript) {
  Client client = redis().connect();
  client.run("FLUSHALL");
  client.run("SET", "</script><script>alert(1)</script><!--", "x");
  client.run("SAVE");
  EXPECT_EQ(run({"report", redis().directory() / "dump.rdb", "-o", path("report.html")}).exit_code, 0);
  EXPECT_EQ(count(read_file(path("report.html")), "</script>"), 1u);
}

TEST_F(RdbReport, DrawsItsPicturesAndFiltersInABrowser) {
  if (browser().empty()) GTEST_SKIP() << "no chromium here";
  ASSERT_EQ(run({"report", sample(), "-o", path("report.html")}).exit_code, 0);
  const std::string all = rendered(path("report.html"), "");
  EXPECT_NE(all.find("<title>RDB report: dump.rdb</title>"), std::string::npos) << all.substr(0, 2000);
  const std::string map = all.substr(all.find("id=\"map\""), all.find("</svg>") - all.find("id=\"map\""));
  EXPECT_GE(count(map, "<rect"), 5u);
  EXPECT_GE(count(all, "<rect"), 40u);
  EXPECT_EQ(count(all.substr(all.find("<tbody>")), "<tr>"), 11u);
  const std::string filtered =
      rendered(path("report.html"), "$('filter').value='user:*:cart'; $('filter').dispatchEvent(new Event('input'));");
  EXPECT_EQ(count(filtered.substr(filtered.find("<tbody>")), "<tr>"), 2u);
  const std::string by_type =
      rendered(path("report.html"), "$('type').value='set'; $('type').dispatchEvent(new Event('input'));");
  EXPECT_EQ(count(by_type.substr(by_type.find("<tbody>")), "<tr>"), 2u);
}

}  // namespace
}  // namespace stele::test
