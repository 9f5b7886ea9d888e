// stele-backup, as a process of its own.

#include <nlohmann/json.hpp>

#include "tests/backup/backup_fixture.h"

namespace stele::test {
namespace {

class BackupTool : public BackedUp {
 protected:
  static Outcome tool(const std::vector<std::string>& args) {
    return run_program(fs::read_symlink("/proc/self/exe").parent_path() / "stele-backup", args);
  }
  Outcome create(Server& server, std::vector<std::string> more = {}) {
    std::vector<std::string> args{"create", backups().native(), "--port", std::to_string(server.port())};
    args.insert(args.end(), more.begin(), more.end());
    return tool(args);
  }
};

TEST_F(BackupTool, CreatesListsAndVerifies) {
  Server server;
  server.run("SET", "key", "1");
  const Outcome first = create(server);
  EXPECT_EQ(first.exit_code, 0) << first.output;
  EXPECT_TRUE(contains(first.output, "backup 1 (full): the state at offset "));
  server.run("SET", "key", "2");
  const Outcome second = create(server, {"--incremental", "--json"});
  EXPECT_EQ(second.exit_code, 0) << second.output;
  const auto made = nlohmann::json::parse(second.output);
  EXPECT_EQ(made["number"], 2);
  EXPECT_EQ(made["kind"], "incremental");

  EXPECT_TRUE(contains(tool({"list", backups().native()}).output, "incremental"));
  std::istringstream lines(tool({"list", backups().native(), "--json", "--files"}).output);
  std::string line;
  int listed = 0;
  while (std::getline(lines, line)) {
    const auto backup = nlohmann::json::parse(line);
    EXPECT_EQ(backup["number"], ++listed);
    EXPECT_GT(backup["files"].size(), 1u);
  }
  EXPECT_EQ(listed, 2);

  EXPECT_EQ(tool({"verify", backups().native()}).exit_code, 0);
  const fs::path bad = files_in(backups() / "000002", ".lz4").front();
  flip_byte_at(bad, fs::file_size(bad) / 2);
  const Outcome found = tool({"verify", backups().native()});
  EXPECT_EQ(found.exit_code, 1);
  EXPECT_TRUE(contains(found.output, "backup 1: good"));
  EXPECT_TRUE(contains(found.output, "backup 2: DAMAGED"));
  EXPECT_TRUE(contains(found.output, bad.filename().native()));
  EXPECT_EQ(tool({"verify", backups().native(), "1", "--json"}).exit_code, 0);
}

TEST_F(BackupTool, SaysWhatIsWrong) {
  Server server;
  server.run("CONFIG", "SET", "requirepass", "secret");
  EXPECT_EQ(tool({}).exit_code, 2);
  EXPECT_EQ(tool({"list", backups().native()}).exit_code, 2);
  EXPECT_EQ(tool({"verify", backups().native()}).exit_code, 2);
  const Outcome nobody = tool({"create", backups().native(), "--port", "1"});
  EXPECT_EQ(nobody.exit_code, 2);
  EXPECT_TRUE(contains(nobody.output, "127.0.0.1:1: Connection refused"));
  EXPECT_TRUE(contains(create(server).output, "NOAUTH"));
  write_file(temporary_.path() / "file", "");
  const Outcome file = tool({"create", (temporary_.path() / "file").native(), "--port", std::to_string(server.port()), "-a", "secret"});
  EXPECT_EQ(file.exit_code, 2);
  EXPECT_TRUE(contains(file.output, "not a directory"));
  EXPECT_EQ(create(server, {"-a", "secret"}).exit_code, 0);
  EXPECT_TRUE(contains(tool({"--help"}).output, "Exit codes"));
  EXPECT_TRUE(contains(tool({"create", "--help"}).output, "Examples"));
}

}  // namespace
}  // namespace stele::test
