// stele-rdb on the corpus (../shared/corpus): files of every version, and damaged ones.

#include <fstream>
#include <map>
#include <set>

#include "tests/support/client.h"
#include "tests/support/server.h"
#include "tests/tools/rdb_tool.h"

namespace stele::test {
namespace {

/// Text in the corpus' form and in ours: a JSON string, or {"hex": ...}.
std::string bytes_of(const Json& text) {
  if (text.is_string()) return text;
  std::string out;
  const std::string hex = text.at("hex");
  for (std::size_t i = 0; i < hex.size(); i += 2) out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return out;
}

/// A value in a form that does not depend on the order of what has none.
Json canonical(const std::string& type, const Json& value) {
  if (!value.is_array() || type == "list") return value;
  Json out = value;
  if (type == "zset") {
    for (Json& member : out) {
      // The corpus spells scores as text.
      const double score =
          member[1].is_string() ? std::strtod(member[1].get<std::string>().c_str(), nullptr) : member[1].get<double>();
      member = {score == 0 ? 0.0 : score, member[0]};
      if (std::isinf(score)) member[0] = score > 0 ? "inf" : "-inf";
    }
  }
  std::sort(out.begin(), out.end(), [](const Json& a, const Json& b) { return a.dump() < b.dump(); });
  return out;
}

/// Of a stream what the listing has; groups and consumers by name.
void expect_stream(const Json& got, const Json& expected, const std::string& what) {
  for (const auto& [name, value] : expected.items()) {
    if (name == "idmp" || name == "length")
      continue;  // what later versions remember is left out; lengths are counted here
    if (name != "groups") {
      EXPECT_EQ(got.value(name, Json()), value) << what << ' ' << name;
      continue;
    }
    std::map<std::string, Json> groups;
    for (const Json& group : got["groups"]) groups[bytes_of(group["name"])] = group;
    EXPECT_EQ(groups.size(), value.size()) << what;
    for (const Json& group : value) {
      const Json& found = groups[bytes_of(group["name"])];
      for (const auto& [field, field_value] : group.items()) {
        if (field != "consumers") {
          EXPECT_EQ(found.value(field, Json()), field_value) << what << ' ' << field;
          continue;
        }
        std::map<std::string, Json> consumers;
        for (const Json& consumer : found["consumers"]) consumers[bytes_of(consumer["name"])] = consumer;
        EXPECT_EQ(consumers.size(), field_value.size()) << what;
        for (const Json& consumer : field_value) {
          for (const auto& [figure, number] : consumer.items()) {
            EXPECT_EQ(consumers[bytes_of(consumer["name"])].value(figure, Json()), number) << what << ' ' << figure;
          }
        }
      }
    }
  }
}

class RdbCorpus : public RdbTool {};

TEST_F(RdbCorpus, ToJsonGivesTheListedContentsOfEveryFile) {
  NEEDS_CORPUS();
  int files = 0;
  for (const CorpusFile& file : corpus_files()) {
    if (!file.is_readable()) continue;
    ++files;
    std::map<std::pair<std::string, std::string>, Json> got;
    std::vector<std::string> functions;
    bool ended = false;
    for (const Json& record : run_json({"to-json", "--skip-unknown", file.path})) {
      if (record["record"] == "key") got[{std::to_string(record["db"].get<int>()), bytes_of(record["key"])}] = record;
      if (record["record"] == "function") functions.push_back(record["code"]);
      ended = record["record"] == "end";
    }
    EXPECT_TRUE(ended) << file.name();
    EXPECT_EQ(Json(functions), file.expected.value("functions", Json::array())) << file.name();
    std::size_t listed = 0;
    for (const auto& [db, keys] : file.expected["databases"].items()) {
      for (const Json& key : keys) {
        const std::string type = key["type"];
        // Empty collections are listed, but no server loads them.
        const bool is_empty = key.contains("value") && key["value"].is_array() && key["value"].empty();
        if (type.starts_with("module") || is_empty) continue;
        ++listed;
        const std::string what = file.name() + ' ' + key["key"].dump();
        const auto found = got.find({db, bytes_of(key["key"])});
        if (found == got.end()) {
          ADD_FAILURE() << what << " is missing";
          continue;
        }
        for (const char* member : {"type", "rdb_type", "expire_at_ms"})
          EXPECT_EQ(found->second[member], key[member]) << what;
        const Json& value = found->second["value"];
        if (key.contains("value_summary")) {
          const Json& elements = type == "stream" ? value["entries"] : value;
          if (!elements.is_string() && key["value_summary"].contains("elements")) {
            EXPECT_EQ(elements.size(), key["value_summary"]["elements"]) << what;
          }
        } else if (type == "stream") {
          expect_stream(value, key["value"], what);
        } else {
          EXPECT_EQ(canonical(type, value), canonical(type, key["value"])) << what;
        }
      }
    }
    EXPECT_EQ(got.size(), listed) << file.name();
  }
  EXPECT_GT(files, 120);
}

TEST_F(RdbCorpus, InfoCountsWhatIsListed) {
  NEEDS_CORPUS();
  for (const CorpusFile& file : corpus_files({"generated"})) {
    if (!file.is_readable() || file.name().find("corrupt_empty_keys") != std::string::npos) continue;
    const auto lines = run_json({"info", "--json", "--skip-unknown", file.path});
    ASSERT_EQ(lines.size(), 1u);
    const Json& info = lines[0];
    EXPECT_EQ(info["version"], file.expected["rdb_version"]) << file.name();
    std::map<std::string, int> types;
    for (const Json& db : info["databases"]) {
      for (const Json& type : db["types"]) types[type["type"]] += type["keys"].get<int>();
    }
    std::map<std::string, int> expected;
    for (const auto& [type, count] : file.expected["counts"]["by_type"].items()) {
      if (!type.starts_with("module")) expected[type] = count;
    }
    EXPECT_EQ(types, expected) << file.name();
  }
}

/// Sends commands as they are and waits until all have been answered; the number of errors.
int send_all(Client& client, const std::string& commands, std::string& first_error) {
  client.send_raw(commands);
  client.send(std::vector<std::string>{"ECHO", "the end of it"});
  int errors = 0;
  for (;;) {
    const Reply reply = client.read();
    if (reply == "the end of it") return errors;
    if (!reply.is_error()) continue;
    if (errors++ == 0) first_error = reply.text;
  }
}

TEST_F(RdbCorpus, ToRespMakesTheListedDigestInRedis) {
  NEEDS_CORPUS();
  RedisServer redis({"--appendonly", "no", "--databases", "64"});
  Client client = redis.connect();
  int files = 0;
  for (const CorpusFile& file : corpus_files()) {
    const Json& stock = file.expected["redis_7_0_15"];
    if (!stock["loads"].get<bool>() || !stock.contains("digest") || !file.is_readable()) continue;
    ++files;
    for (const bool restore : {false, true}) {
      if (restore && file.path.parent_path().filename() != "generated") continue;  // every type and encoding is there
      const Ran ran = run(restore ? std::vector<std::string>{"to-resp", "--restore", file.path}
                                  : std::vector<std::string>{"to-resp", file.path});
      EXPECT_EQ(ran.exit_code, 0) << file.name() << ' ' << ran.err;
      client.run("FLUSHALL");
      client.run("FUNCTION", "FLUSH");
      std::string error;
      EXPECT_EQ(send_all(client, ran.out, error), 0) << file.name() << ' ' << error;
      client.run("SELECT", 0);
      EXPECT_EQ(client.run("DEBUG", "DIGEST").text, stock["digest"]) << file.name() << (restore ? " by RESTORE" : "");
      EXPECT_EQ(client.run("FUNCTION", "LIST").elements.size(), file.expected.value("functions", Json::array()).size())
          << file.name();
    }
  }
  EXPECT_GT(files, 90);
}

TEST_F(RdbCorpus, DamagedFilesAreNamedWithAnOffsetAndEndNothing) {
  NEEDS_CORPUS();
  // What the server reads all the same, and check therefore finds nothing wrong with.
  const std::set<std::string> good = {
      "empty-list-set-hash-zset.rdb", "expire-negative.rdb",     "expire-without-key.rdb",
      "function-broken-lua.rdb",      "listpack-empty-hash.rdb", "quicklist-zero-nodes.rdb",
      "quicklist2-empty-node.rdb",    "selectdb-too-large.rdb",  "set-listpack-20-in-v10.rdb",
      "stream-length-mismatch.rdb",   "type24-hash-in-v10.rdb"};
  int damaged = 0;
  for (const auto& entry : fs::directory_iterator(corpus() / "rdb" / "handmade-damaged")) {
    if (entry.path().extension() != ".rdb") continue;
    ++damaged;
    const std::string name = entry.path().filename();
    const Ran checked = run({"check", entry.path()});
    EXPECT_EQ(checked.exit_code, good.contains(name) ? 0 : 1) << name << ' ' << checked.out;
    if (checked.exit_code == 1) {
      EXPECT_NE(checked.out.find("offset "), std::string::npos) << checked.out;
    }
    for (const char* command : {"to-json", "to-resp"}) {
      const Ran ran = run({command, entry.path()});
      EXPECT_TRUE(ran.exit_code >= 0 && ran.exit_code <= 2) << command << ' ' << name;
      if (ran.exit_code == 2) {
        EXPECT_NE(ran.err.find("offset "), std::string::npos) << command << ' ' << name << ' ' << ran.err;
      }
    }
    const Ran converted = run({"convert", entry.path(), path("out.rdb")});
    EXPECT_LE(converted.exit_code, 2);
    if (converted.exit_code != 0) {
      EXPECT_TRUE(files().empty()) << name;
    }
    fs::remove(path("out.rdb"));
  }
  EXPECT_GT(damaged, 50);
}

TEST_F(RdbCorpus, AFileCutAnywhereIsRefusedWithTheKeysSoFar) {
  NEEDS_CORPUS();
  const std::string whole = read_file(generated("v10__redis-7.0.15__mini.rdb"));
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += 13) {
    const Ran ran = run({"check", write("cut.rdb", std::string_view(whole).substr(0, bytes))});
    EXPECT_EQ(ran.exit_code, 1) << bytes;
    EXPECT_NE(ran.out.find("came before"), std::string::npos) << ran.out;
  }
}

TEST_F(RdbCorpus, ModulesAreNamedAndSkippedOnRequest) {
  NEEDS_CORPUS();
  const fs::path file = generated("v10__redis-7.0.15__module-aux-and-values.rdb");
  const Ran refused = run({"info", file});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--skip-unknown"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("module"), std::string::npos) << refused.err;
  const auto info = run_json({"info", "--json", "--skip-unknown", file});
  ASSERT_EQ(info.size(), 1u);
  EXPECT_EQ(info[0]["keys"], 2);
  EXPECT_GE(info[0]["unknown_skipped"], 2);
  EXPECT_FALSE(info[0]["modules"].empty());
  int skipped = 0;
  for (const Json& record : run_json({"to-json", "--skip-unknown", file})) skipped += record["record"] == "skipped";
  EXPECT_EQ(skipped, info[0]["unknown_skipped"]);
}

}  // namespace
}  // namespace stele::test
