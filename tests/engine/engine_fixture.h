#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "engine/call.h"
#include "engine/command_registry.h"
#include "engine/commands.h"
#include "engine/types.h"
#include "engine/type_ops.h"
#include "persistence/journal.h"
#include "protocol/resp_buffer.h"
#include "protocol/resp_text.h"

namespace stele::test {

/// A fresh directory that goes with its owner.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "stele-engine-XXXXXX").string();
    STELE_ASSERT(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The engine without a network: a keyspace of 16 databases over a journal in a fresh directory, one session, and a
/// clock that only the test moves. Commands run as a server runs them, each a unit of effects of its own.
///
///     EXPECT_EQ(run("SET", "k", "v"), "+OK");
///     EXPECT_EQ(effects(), "SET k v");
///
/// Replies are the bytes on the wire, each line end but the last (which is dropped) shown as a space: "*2 $1 a :7".
/// Effects are the commands of the unit with spaces between arguments and " | " between commands. The stream starts in
/// database 0, so that no SELECT stands before the first one.
class EngineTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kStartMs = 1'700'000'000'000;

  EngineTest() {
    register_types();
    register_other_type();
    auto journal = Journal::open(directory_.path() / "appendonlydir", {.fsync = Fsync::no});
    STELE_ASSERT(journal.ok());
    journal_ = std::move(*journal);
    effects_ = std::make_unique<Effects>(journal_->batch());
    effects_->set_stream_db(0);
    keyspace_ = std::make_unique<Keyspace>(16, KeyHasher::Seed{1, 2, 3}, *effects_, watches_, reclaimer_);
    keyspace_->set_now(UnixTime(kStartMs));
    keyspace_->set_access_clock(1);
  }

  template <typename... Args>
  std::string run(const Args&... args) {
    return run_list({std::string_view(args)...});
  }

  std::string run_list(const std::vector<std::string_view>& parts) {
    std::string raw = fmt::format("*{}\r\n", parts.size());
    std::vector<std::size_t> at;
    for (const std::string_view part : parts) {
      raw += fmt::format("${}\r\n", part.size());
      at.push_back(raw.size());
      raw.append(part).append("\r\n");
    }
    std::vector<std::string_view> args;
    for (std::size_t i = 0; i < parts.size(); ++i) args.emplace_back(raw.data() + at[i], parts[i].size());

    OutputBuffer output;
    RespWriter reply(output, session_.resp);
    execute(args, raw, reply);
    return on_one_line(output.view());
  }

  /// As recovery runs it from the journal: time stands still, and nothing is emitted.
  template <typename... Args>
  std::string replay(const Args&... args) {
    const Expiry expiry = keyspace_->expiry();
    keyspace_->set_expiry(Expiry::off);
    effects_->mute(true);
    std::string reply = run(args...);
    effects_->mute(false);
    keyspace_->set_expiry(expiry);
    return reply;
  }

  /// What the last run() left in the stream.
  const std::string& effects() const { return unit_; }

  void advance(std::int64_t ms) { keyspace_->set_now(UnixTime(keyspace_->now().ms() + ms)); }
  std::int64_t now_ms() const { return keyspace_->now().ms(); }

  /// Puts a value in place that is no string and that no command here understands.
  void put_other_type(std::string_view key) {
    Item item = keyspace_->find(db(), key);
    if (item) keyspace_->erase(item), item = keyspace_->find(db(), key);
    keyspace_->create(item, Entry::make_body(key, ObjectType::module, Encoding::hashtable, nullptr, std::nullopt));
  }

  /// "int", "embstr", "raw" ...; empty if there is no such key.
  std::string encoding(std::string_view key) {
    const Item item = keyspace_->find(db(), key);
    return item ? std::string(encoding_name(item.entry->encoding())) : std::string();
  }
  /// Unix ms; nothing without an expiry or without the key.
  std::optional<std::int64_t> expire_at(std::string_view key) {
    const Item item = keyspace_->find(db(), key);
    if (!item || !item.entry->has_expire()) return std::nullopt;
    return item.entry->expire_at()->ms();
  }

  Database& db() { return keyspace_->db(session_.db); }
  Keyspace& keyspace() { return *keyspace_; }
  CommandRegistry& registry() { return registry_; }
  Session& session() { return session_; }
  Watches& watches() { return watches_; }

 private:
  void execute(std::span<const std::string_view> args, std::string_view raw, RespWriter& reply) {
    unit_.clear();
    RegisteredCommand* command = registry_.find(args[0]);
    if (command != nullptr && command->row->run == nullptr && args.size() > 1) {
      command = CommandRegistry::find_subcommand(*command, args[1]);
    }
    if (command == nullptr) return reply.error("ERR unknown command");
    Call call(*command, args, raw, session_, reply, *keyspace_, *effects_, nullptr);
    const auto argc = static_cast<int>(args.size());
    const int arity = command->row->arity;
    if (arity >= 0 ? argc != arity : argc < -arity) return call.wrong_arity();
    journal_->batch().clear();
    effects_->begin_unit();
    command->row->run(call);
    effects_->end_unit();
    unit_ = commands_in(journal_->batch().view());
  }

  static std::string on_one_line(std::string_view wire) {
    std::string out;
    for (std::size_t i = 0; i < wire.size(); ++i) {
      if (wire.substr(i, 2) == "\r\n") {
        out += ' ';
        ++i;
      } else {
        out += wire[i];
      }
    }
    if (!out.empty()) out.pop_back();
    return out;
  }

  static std::string commands_in(std::string_view stream) {
    std::string out;
    const auto number = [&stream] {
      const std::size_t end = stream.find("\r\n");
      const std::size_t value = std::stoul(std::string(stream.substr(1, end - 1)));
      stream.remove_prefix(end + 2);
      return value;
    };
    while (!stream.empty()) {
      if (!out.empty()) out += " | ";
      const std::size_t argc = number();
      for (std::size_t i = 0; i < argc; ++i) {
        const std::size_t bytes = number();
        if (i > 0) out += ' ';
        out += stream.substr(0, bytes);
        stream.remove_prefix(bytes + 2);
      }
    }
    return out;
  }

  static void register_other_type() {
    static constexpr TypeOps kOps = {
        .name = "other",
        .free_body = [](Entry&) {},
        .append_rdb = [](const Entry&, std::string&) { return std::uint8_t{255}; },
        .from_rdb = [](std::string_view, std::uint8_t, std::string_view, std::optional<UnixTime>) -> Result<Entry*> {
          return Status::corrupt("not a type that is stored");
        },
        .mix_digest = [](const Entry&, Digest&) {},
        .body_bytes = [](const Entry&) { return std::size_t{0}; },
        .copy = [](const Entry& entry, std::string_view key) {
          return Entry::make_body(key, ObjectType::module, entry.encoding(), nullptr, entry.expire_at());
        },
    };
    register_type(ObjectType::module, kOps, {});
  }

  ScratchDirectory directory_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Effects> effects_;
  Watches watches_;
  Reclaimer reclaimer_;
  std::unique_ptr<Keyspace> keyspace_;
  CommandRegistry registry_;
  Session session_;
  std::string unit_;
};

}  // namespace stele::test
