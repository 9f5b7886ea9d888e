// stele-aof: looking at streams, mending them.

#include <algorithm>
#include <csignal>
#include <map>
#include <set>

#include "tests/support/server.h"
#include "tests/tools/tool.h"

namespace stele::test {
namespace {

std::string resp(const std::vector<std::string>& args) {
  std::string out = "*" + std::to_string(args.size()) + "\r\n";
  for (const std::string& arg : args) out += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
  return out;
}

class AofTool : public Tool {
 protected:
  AofTool() : Tool("stele-aof") {}

  static fs::path copy_of(const fs::path& from, const fs::path& to) {
    fs::copy(from, to, fs::copy_options::recursive);
    return to;
  }

  /// The data directory of a server that has run `use` and is down.
  fs::path data_of(const std::string& name, Server& server) {
    server.terminate();
    return copy_of(server.directory(), path(name));
  }

  static std::vector<fs::path> segments_in(const fs::path& data) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(data / "appendonlydir")) {
      if (entry.path().native().ends_with(".incr.aof")) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  static std::string digest_of(Server& server) { return server.run("DEBUG", "DIGEST").text; }

  /// A server of ours or of others on a copy of `data`.
  static std::vector<std::string> on(const fs::path& data) { return {"--dir", data.native()}; }
};

// --- what a stock server has written

const std::string kStock = "#TS:1700000000\r\n" + resp({"SELECT", "0"}) + resp({"SET", "user:1", "Anna"}) + resp({"MULTI"}) +
                           resp({"SET", "user:2", "B \"x\""}) + resp({"DEL", "user:1"}) + resp({"EXEC"}) + "#TS:1700000010\r\n" +
                           resp({"SELECT", "3"}) + resp({"HSET", "h", "f", std::string("\x00\xff", 2)});

TEST_F(AofTool, ListsTheCommandsOfAStockFileWithTimeOffsetAndDatabase) {
  const fs::path file = write("appendonly.aof", kStock);
  const Ran ran = run({"ls", file});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "2023-11-14T22:13:20.000Z           39 db0 SET user:1 Anna\n"
            "2023-11-14T22:13:20.000Z           89 db0 | SET user:2 \"B \\\"x\\\"\"\n"
            "2023-11-14T22:13:20.000Z          125 db0 | DEL user:1\n"
            "2023-11-14T22:13:30.000Z          203 db3 HSET h f \"\\x00\\xff\"\n");
  const auto all = run_json({"ls", "--all", "--json", file});
  ASSERT_EQ(all.size(), 8u);
  EXPECT_EQ(all[0], Json::parse(R"({"file":"appendonly.aof","position":16,"offset":16,"time_ms":1700000000000,"db":0,)"
                                R"("transaction":false,"args":["SELECT","0"]})"));
  EXPECT_EQ(all[7]["args"][3], Json::parse(R"({"hex":"00ff"})"));
}

TEST_F(AofTool, FindsWhoChangedAKeyAndWhenInAStockFile) {
  const fs::path file = write("appendonly.aof", kStock);
  EXPECT_EQ(run_json({"grep", "--json", "--key", "user:1", file}).size(), 2u);
  EXPECT_EQ(run_json({"grep", "--json", "--command", "d*", file}).size(), 1u);
  EXPECT_EQ(run_json({"grep", "--json", "--db", "3", file}).size(), 1u);
  EXPECT_EQ(run_json({"grep", "--json", "--since", "@1700000005", file}).size(), 1u);
  EXPECT_EQ(run_json({"grep", "--json", "--until", "100", file}).size(), 2u);
  EXPECT_EQ(run({"grep", "--key", "nobody", file}).exit_code, 1);
  const auto found = run_json({"grep", "--json", "--values", "--key", "user:1", file});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0]["keys"][0]["before"], Json());
  EXPECT_EQ(found[0]["keys"][0]["after"]["value"], "Anna");
  EXPECT_EQ(found[1]["keys"][0]["before"]["value"], "Anna");
  EXPECT_EQ(found[1]["keys"][0]["after"], Json());
}

TEST_F(AofTool, StatsAddUp) {
  const fs::path file = write("appendonly.aof", kStock);
  const Json stats = run_json({"stats", "--json", file}).at(0);
  EXPECT_EQ(stats["commands"], 8);
  EXPECT_EQ(stats["bytes"], kStock.size() - 32);
  EXPECT_EQ(stats["transactions"], 1);
  std::uint64_t bytes = 0;
  std::map<std::string, int> commands;
  for (const Json& row : stats["by_command"]) {
    bytes += row["bytes"].get<std::uint64_t>();
    commands[row["name"]] = row["commands"];
  }
  EXPECT_EQ(bytes, stats["bytes"]);
  EXPECT_EQ(commands, (std::map<std::string, int>{{"DEL", 1}, {"EXEC", 1}, {"HSET", 1}, {"MULTI", 1}, {"SELECT", 2}, {"SET", 2}}));
  EXPECT_EQ(stats["by_prefix"][0]["name"], "user:*");
  EXPECT_EQ(stats["by_prefix"][0]["commands"], 3);
  EXPECT_EQ(stats["top_keys"][0]["name"], "user:1");
  EXPECT_EQ(stats["by_second"][0], Json::parse(R"({"time":1700000000,"commands":6,"bytes":)" +
                                               std::to_string(stats["by_second"][0]["bytes"].get<int>()) + "}"));
  EXPECT_EQ(run({"stats", file}).exit_code, 0);
}

TEST_F(AofTool, SaysThatAStockFileWithoutTimesHasNone) {
  const fs::path file = write("appendonly.aof", resp({"SET", "a", "1"}));
  const Ran ran = run({"to-rdb", file, path("out.rdb"), "--until", "2030-01-01"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_NE(ran.err.find("no times in it"), std::string::npos) << ran.err;
  EXPECT_FALSE(fs::exists(path("out.rdb")));
}

// --- the corpus

TEST_F(AofTool, ChecksTheCorpusAsRedisDoes) {
  NEEDS_CORPUS();
  // What redis-check-aof or the server do not look at, or take for less.
  const std::map<std::string, int> otherwise = {
      {"error-reply-is-ignored", 0},      // commands that fail are no damage
      {"last-incr-torn-annotation", 0},   // loads
      {"exec-without-multi", 1},          // the server passes it over, redis-check-aof does not
      {"manifest-empty", 1},              // the other way round
      {"unknown-command", 1},
      {"no-manifest-but-files", 2},       // nothing says what the files are
  };
  std::vector<std::string> args = {"check", "--json"};
  std::map<std::string, int> wanted;
  for (const char* const folder : {"", "damaged", "thirdparty"}) {
    for (const auto& entry : fs::directory_iterator(corpus() / "aof" / folder)) {
      const fs::path expected_path = entry.path().native() + ".expected.json";
      if (!fs::exists(expected_path)) continue;
      const Json expected = Json::parse(read_file(expected_path));
      const bool loads = expected.at("redis_7_0_15").value("loads", false);
      const bool valid = !expected.contains("redis_check_aof") || expected["redis_check_aof"].value("exit", 0) == 0;
      int code = loads && (valid || std::string(folder) != "damaged") ? 0 : 1;
      if (const auto other = otherwise.find(entry.path().filename()); other != otherwise.end()) code = other->second;
      args.push_back(entry.path());
      wanted[entry.path()] = code;
    }
  }
  std::map<std::string, int> found;
  for (const Json& checked : run_json(args, 2)) found[checked["path"]] = checked["good"] ? 0 : 1;
  for (const auto& [name, code] : wanted) EXPECT_EQ(found.contains(name) ? found[name] : 2, code) << name;
  const auto cases = wanted.size();
  EXPECT_GT(cases, 35);
}

TEST_F(AofTool, MakesRdbFilesOfTheCorpusWithTheDigestRedisHas) {
  NEEDS_CORPUS();
  int compared = 0;
  for (const char* const folder : {"", "thirdparty"}) {
    for (const auto& entry : fs::directory_iterator(corpus() / "aof" / folder)) {
      const fs::path expected_path = entry.path().native() + ".expected.json";
      if (!fs::exists(expected_path)) continue;
      const Json expected = Json::parse(read_file(expected_path));
      if (!expected.at("redis_7_0_15").contains("digest")) continue;
      if (entry.path().filename() == "single-file-appendonly5") continue;  // has EVAL itself, which we do not run while loading
      const auto made = run_json({"to-rdb", "--json", "--digest", "--force", entry.path(), path("out.rdb")});
      ASSERT_EQ(made.size(), 1u) << entry.path();
      EXPECT_EQ(made[0]["digest"], expected["redis_7_0_15"]["digest"]) << entry.path();
      ++compared;
    }
  }
  EXPECT_GT(compared, 12);
}

// --- what we have written

TEST_F(AofTool, LooksIntoAJournal) {
  Server server{"--journal-segment-size", "1mb"};
  for (int i = 0; i < 50; ++i) server.run("SET", "k:" + std::to_string(i % 5), std::string(1000, 'x') + std::to_string(i));
  server.run("MULTI");
  server.run("SADD", "set", "a", "b");
  server.run("PEXPIRE", "k:1", 100000);
  server.run("EXEC");
  server.run("SELECT", 2);
  server.run("LPUSH", "list", "1");
  const std::uint64_t end = std::stoull(server.info("master_repl_offset"));
  const fs::path data = data_of("data", server);

  const Json checked = run_json({"check", "--json", data}).at(0);
  EXPECT_EQ(checked["good"], true);
  EXPECT_EQ(checked["written_by"], "stele");
  EXPECT_EQ(checked["files"].back()["end_offset"], end);
  EXPECT_EQ(checked["files"].back()["closed"], true);

  const auto sets = run_json({"grep", "--json", "--key", "set", data});
  ASSERT_EQ(sets.size(), 1u);
  EXPECT_EQ(sets[0]["args"], Json::parse(R"(["SADD","set","a","b"])"));
  EXPECT_EQ(sets[0]["transaction"], true);
  const auto last = run_json({"tail", "--json", "-n", "1", data});
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0]["db"], 2);
  EXPECT_EQ(last[0]["args"][0], "LPUSH");
  const auto values = run_json({"grep", "--values", "--json", "--key", "k:1", "--limit", "2", data});
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(values[1]["keys"][0]["before"]["value"], std::string(1000, 'x') + "1");
  EXPECT_EQ(values[1]["keys"][0]["after"]["value"], std::string(1000, 'x') + "6");
  const auto frames = run_json({"ls", "--frames", "--json", data});
  std::uint64_t at = 0;
  for (const Json& frame : frames) {
    EXPECT_EQ(frame["offset"], at);
    at += frame["bytes"].get<std::uint64_t>();
  }
  EXPECT_EQ(at, end);
  const Json stats = run_json({"stats", "--json", data}).at(0);
  EXPECT_EQ(stats["bytes"], end);
  EXPECT_EQ(stats["frames"], frames.size());
}

TEST_F(AofTool, NamesADamagedByteWithFilePositionAndOffset) {
  Server server;
  for (int i = 0; i < 20; ++i) server.run("SET", "k", i);
  const fs::path data = data_of("data", server);
  const fs::path segment = segments_in(data).front();
  std::string bytes = read_file(segment);
  const std::size_t at = bytes.find("$2\r\n10\r\n");
  ASSERT_NE(at, std::string::npos);
  bytes[at + 4] = '7';
  std::ofstream(segment, std::ios::binary) << bytes;
  const Json checked = run_json({"check", "--json", data}, 1).at(0);
  ASSERT_EQ(checked["problem_count"], 1);
  const Json& problem = checked["problems"][0];
  EXPECT_EQ(problem["torn"], false);
  const std::uint64_t position = problem["position"];
  EXPECT_LE(position, at);
  EXPECT_GT(position + 200, at);
  EXPECT_NE(problem["what"].get<std::string>().find("though more was on disk once"), std::string::npos) << problem;
  const Ran listed = run({"ls", data});
  EXPECT_EQ(listed.exit_code, 2);
  EXPECT_NE(listed.err.find("bad frame at offset"), std::string::npos) << listed.err;
}

TEST_F(AofTool, TailFollowsAServerAcrossItsFiles) {
  Server server{"--journal-segment-size", "1mb"};
  server.run("SET", "before", "1");
  const fs::path out = path("tail.out");
  Process tail({bin("stele-aof"), "stele-aof"}, {"tail", "-f", "-n", "1", "--json", server.directory()}, out);
  const auto lines = [&] {
    const std::string text = read_file(out);
    return std::count(text.begin(), text.end(), '\n');
  };
  ASSERT_TRUE(wait_until([&] { return lines() == 1; }));
  for (int i = 0; i < 300; ++i) server.run("SET", "k" + std::to_string(i), std::string(10'000, 'x'));
  EXPECT_TRUE(wait_until([&] { return lines() == 301; })) << lines();
  EXPECT_GT(segments_in(server.directory()).size(), 2u);
  tail.signal(SIGTERM);
  EXPECT_TRUE(tail.wait(std::chrono::seconds(5)).has_value());
  std::istringstream in(read_file(out));
  int next = -1;
  for (std::string line; std::getline(in, line); ++next) {
    EXPECT_EQ(Json::parse(line)["args"][1], next < 0 ? "before" : "k" + std::to_string(next));
  }
}

// --- fix

TEST_F(AofTool, FixesTornTailsOfAJournalAtAnyByte) {
  Server server;
  for (int i = 0; i < 4; ++i) server.run("SET", "k" + std::to_string(i), i);
  server.kill9();
  const fs::path data = copy_of(server.directory(), path("data"));
  const fs::path segment = segments_in(data).back();
  const std::string whole = read_file(segment);
  const std::size_t begin = whole.find("#J:");
  const bool every = std::getenv("STELE_EVERY_BYTE") != nullptr;
  int starts = 0;
  for (std::size_t size = begin; size < whole.size(); size += every ? 1 : 37) {
    const fs::path cut = copy_of(data, path("cut"));
    const fs::path file = segments_in(cut).back();
    fs::resize_file(file, size);
    const bool torn = run({"check", cut}).exit_code == 1;
    const Json fixed = run_json({"fix", "--yes", "--json", cut}).at(0);
    EXPECT_EQ(fixed["good"], true) << size;
    const std::string left = read_file(file);
    std::string kept;
    for (const Json& name : fixed["kept"]) kept += read_file(name.get<std::string>());
    EXPECT_EQ(torn, !kept.empty()) << size;
    EXPECT_EQ(left + kept, whole.substr(0, size));
    EXPECT_EQ(run({"check", cut}).exit_code, 0) << size;
    if (every || starts < 2) {
      ++starts;
      Server ours(on(cut));
      EXPECT_EQ(ours.run("PING"), "PONG");
      ours.terminate();
      const fs::path stock = copy_of(cut, path("stock"));
      RedisServer redis(on(stock));
      EXPECT_EQ(redis.run("DBSIZE").integer(), std::count(left.begin(), left.end(), 'J')) << size;
      redis.terminate();
      fs::remove_all(stock);
    }
    fs::remove_all(cut);
  }
}

TEST_F(AofTool, FixesTornTailsOfAStockDirectoryAsTheServerWould) {
  RedisServer server;
  server.run("SET", "a", "1");
  server.run("MULTI");
  server.run("SET", "b", "2");
  server.run("SET", "c", "3");
  server.run("EXEC");
  server.terminate();
  const std::string whole = read_file(segments_in(server.directory()).back());
  for (std::size_t size = 1; size < whole.size(); size += 17) {
    const fs::path cut = copy_of(server.directory(), path("cut"));
    const fs::path file = segments_in(cut).back();
    fs::resize_file(file, size);
    ASSERT_EQ(run({"fix", "--yes", cut}).exit_code, 0) << size;
    EXPECT_EQ(run({"check", cut}).exit_code, 0) << size;
    EXPECT_EQ(run_program("redis-check-aof", {cut / "appendonlydir" / "appendonly.aof.manifest"}).exit_code, 0) << size;
    fs::remove_all(cut);
  }
}

TEST_F(AofTool, AsksBeforeItCutsAndChangesNothingWithoutAYes) {
  const std::string torn = resp({"SET", "a", "1"}) + "*2\r\n$3\r\nDE";
  const fs::path file = write("appendonly.aof", torn);
  EXPECT_EQ(run({"fix", file}).exit_code, 1);  // nobody answers
  EXPECT_EQ(run({"fix", "--dry-run", file}).exit_code, 1);
  EXPECT_EQ(read_file(file), torn);
  EXPECT_EQ(files().size(), 1u);
  EXPECT_EQ(run_program("/bin/sh", {"-c", "echo y | " + bin("stele-aof").native() + " fix " + file.native()}).exit_code, 0);
  EXPECT_EQ(read_file(file), resp({"SET", "a", "1"}));
  EXPECT_EQ(read_file(file.native() + ".cut-27"), "*2\r\n$3\r\nDE");
  EXPECT_EQ(run({"fix", file}).exit_code, 0);
}

TEST_F(AofTool, MendsWhatTheServerSendsItsOperatorsHereFor) {
  Server server{"--journal-segment-size", "1mb"};
  for (int i = 0; i < 300; ++i) {
    server.run("SET", "k" + std::to_string(i), std::string(10'000, 'x'));
    if (i % 120 != 119) continue;
    // A busy machine would have the next segment ready later, and this one grow.
    server.wait_until([&] { return server.run("INCR", "n").integer() > 0 && segments_in(server.directory()).size() > i / 120u + 1; });
  }
  server.terminate();
  // A damaged byte in the middle of the journal: everything behind it goes, and the store, which has it, is asked about.
  const fs::path data = copy_of(server.directory(), path("data"));
  const auto segments = segments_in(data);
  ASSERT_GT(segments.size(), 2u);
  std::string bytes = read_file(segments[1]);
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream(segments[1], std::ios::binary) << bytes;
  fs::remove_all(data / "rocksdb");
  const Json fixed = run_json({"fix", "--yes", "--json", data}).at(0);
  EXPECT_EQ(fixed["good"], true);
  EXPECT_GE(fixed["kept"].size(), 2u);
  EXPECT_EQ(run({"check", data}).exit_code, 0);
  Server ours(on(data));
  const std::int64_t keys = ours.run("DBSIZE").integer();
  EXPECT_GT(keys, 100);
  EXPECT_LT(keys, 250);
}

TEST_F(AofTool, LeavesTheChoiceBetweenStoreAndJournalToTheOperator) {
  Server server;
  for (int i = 0; i < 20; ++i) server.run("SET", "k" + std::to_string(i), i);
  server.terminate();  // with a checkpoint at the end
  const fs::path data = copy_of(server.directory(), path("data"));
  const fs::path segment = segments_in(data).back();
  const std::string whole = read_file(segment);
  fs::resize_file(segment, whole.rfind("#J:"));
  EXPECT_EQ(run_json({"fix", "--yes", "--json", data}, 1).at(0)["store_is_ahead"], true);
  EXPECT_EQ(run({"fix", "--yes", "--drop-store", data}).exit_code, 0);
  Server ours(on(data));
  EXPECT_EQ(ours.run("DBSIZE").integer(), 19);
}

TEST_F(AofTool, KeepsWhatRedisHasAppendedToAJournal) {
  Server server;
  server.run("SET", "a", "1");
  server.terminate();
  const fs::path data = copy_of(server.directory(), path("data"));
  const std::string appended = resp({"SELECT", "0"}) + resp({"SET", "b", "2"});
  std::ofstream(segments_in(data).back(), std::ios::binary | std::ios::app) << appended;
  EXPECT_EQ(run({"check", data}).exit_code, 1);
  const Json fixed = run_json({"fix", "--yes", "--json", data}).at(0);
  ASSERT_EQ(fixed["kept"].size(), 1u);
  EXPECT_EQ(read_file(fixed["kept"][0].get<std::string>()), appended);
  Server ours(on(data));
  EXPECT_EQ(ours.run("DBSIZE").integer(), 1);
}

TEST_F(AofTool, RefusesToFixWhatAServerIsUsing) {
  Server server;
  server.run("SET", "a", "1");
  const Ran ran = run({"fix", "--yes", server.directory()});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_NE(ran.err.find("stop the server first"), std::string::npos) << ran.err;
}

TEST_F(AofTool, SaysWhatIsWrongWithItsArguments) {
  EXPECT_EQ(run({}).exit_code, 2);
  EXPECT_EQ(run({"--help"}).exit_code, 0);
  EXPECT_EQ(run({"--version"}).exit_code, 0);
  EXPECT_EQ(run({"ls", path("nothing")}).exit_code, 2);
  EXPECT_EQ(run({"ls", "--since", "yesterday", write("a.aof", kStock)}).exit_code, 2);
  for (const char* const command : {"check", "ls", "grep", "tail", "stats", "fix", "to-rdb", "export"}) {
    const Ran help = run({command, "--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.out.find("Examples:"), std::string::npos) << command;
  }
}

}  // namespace
}  // namespace stele::test
