#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/server.h"

namespace stele::test {

/// Runs the server under test with `args`, for starts that must fail: how it ended and what it said. Throws if it runs on.
Outcome failed_start(std::vector<std::string> args);

/// As failed_start(), on the data of a server that is down.
Outcome failed_restart(const Server& server, std::vector<std::string> extra = {});

/// Runs the server under test with the configuration `file`, which has it listen on the unix `socket`; hands `use` a client,
/// then ends the server, which must exit with 0.
void serve(const std::filesystem::path& file, const std::filesystem::path& socket, const std::function<void(Client&)>& use);

void write_file(const std::filesystem::path& path, std::string_view content);
void append_file(const std::filesystem::path& path, std::string_view content);
void flip_byte_at(const std::filesystem::path& path, std::uint64_t position);

/// Files below `dir` whose names end like that, in order.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& dir, std::string_view suffix = {});

/// The newest journal segment with frames in it.
std::filesystem::path newest_segment(const Server& server);

/// Every file below `dir`, to compare before and after. Without LOCK, which names whoever opened it last.
std::map<std::filesystem::path, std::string> contents(const std::filesystem::path& dir);

/// All of `commands` in one go; the replies, in order.
std::vector<Reply> pipeline(Client& client, const std::vector<std::vector<std::string>>& commands);

/// `count` keys "<prefix><i>" with the values "value:<i>".
void set_keys(Client& client, int count, std::string_view prefix = "key:");

/// The largest the process' resident memory has been.
std::uint64_t peak_memory_bytes(const Server& server);

/// True if this process may mount and make namespaces.
bool is_root();

inline testing::AssertionResult contains(std::string_view text, std::string_view part) {
  if (text.find(part) != std::string_view::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << '"' << part << "\" is not in:\n" << text;
}

inline Reply error(std::string_view text) { return {.type = '-', .text = std::string(text)}; }

}  // namespace stele::test
