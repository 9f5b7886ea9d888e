#include "tests/system/system_fixture.h"

#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

namespace stele::test {

namespace fs = std::filesystem;

Outcome failed_start(std::vector<std::string> args) {
  const Program program = stele_program();
  return run_program(program.path, args, {}, std::chrono::seconds(30));
}

Outcome failed_restart(const Server& server, std::vector<std::string> extra) {
  std::vector<std::string> args{"--bind", "127.0.0.1", "--port", std::to_string(server.port()), "--dir", server.directory()};
  args.insert(args.end(), extra.begin(), extra.end());
  return failed_start(std::move(args));
}

void serve(const fs::path& file, const fs::path& socket, const std::function<void(Client&)>& use) {
  Process process({stele_program().path, "stele-server"}, {file}, file.native() + ".log");
  std::optional<Client> client;
  // The socket is there before anyone listens on it.
  const bool connected = wait_until([&] {
    try {
      client = Client::unix_socket(socket);
      return true;
    } catch (const ConnectionLost&) {
      return !process.running();
    }
  });
  ASSERT_TRUE(connected && client) << read_file(file.native() + ".log");
  use(*client);
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(std::chrono::seconds(30)), 0);
}

void write_file(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

void append_file(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary | std::ios::app) << content;
}

void flip_byte_at(const fs::path& path, std::uint64_t position) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(position));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(position));
  file.put(static_cast<char>(byte ^ 0x20));
  file.flush();
  if (!file || byte < 0) throw std::runtime_error(fmt::format("{}: no byte at {}", path.native(), position));
}

std::vector<fs::path> files_in(const fs::path& dir, std::string_view suffix) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    if (entry.is_regular_file() && entry.path().native().ends_with(suffix)) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

fs::path newest_segment(const Server& server) {
  fs::path newest;
  std::size_t number_max = 0;
  for (const fs::path& path : files_in(server.directory() / "appendonlydir", ".incr.aof")) {
    const std::string name = path.filename().native();
    const std::size_t number = std::stoul(name.substr(std::string("appendonly.aof.").size()));
    if (number < number_max || read_file(path).find("#J:") == std::string::npos) continue;
    number_max = number;
    newest = path;
  }
  if (newest.empty()) throw std::runtime_error("no journal segment has frames");
  return newest;
}

std::map<fs::path, std::string> contents(const fs::path& dir) {
  std::map<fs::path, std::string> all;
  for (const fs::path& path : files_in(dir)) {
    if (path.filename() != "LOCK") all.emplace(path, read_file(path));
  }
  return all;
}

std::vector<Reply> pipeline(Client& client, const std::vector<std::vector<std::string>>& commands) {
  for (const auto& command : commands) client.send(command);
  std::vector<Reply> replies;
  for (std::size_t i = 0; i < commands.size(); ++i) replies.push_back(client.read());
  return replies;
}

void set_keys(Client& client, int count, std::string_view prefix) {
  constexpr int kBatch = 1000;
  for (int from = 0; from < count; from += kBatch) {
    std::vector<std::vector<std::string>> commands;
    for (int i = from; i < std::min(count, from + kBatch); ++i) {
      commands.push_back({"SET", fmt::format("{}{}", prefix, i), fmt::format("value:{}", i)});
    }
    for (const Reply& reply : pipeline(client, commands)) {
      if (!(reply == "OK")) throw std::runtime_error("SET: " + describe(reply));
    }
  }
}

std::uint64_t peak_memory_bytes(const Server& server) {
  const std::string status = read_file(fmt::format("/proc/{}/status", server.pid()));
  const std::size_t at = status.find("VmHWM:");
  if (at == std::string::npos) throw std::runtime_error("no VmHWM in /proc");
  return std::stoull(status.substr(at + 6)) * 1024;
}

bool is_root() { return ::geteuid() == 0; }

}  // namespace stele::test
