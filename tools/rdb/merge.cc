// stele-rdb merge: the keys of several files in one.
//
//     pass 1   every file: (key, file, how many keys before it) sorted by key, in temporary files where memory does not
//     suffice.
//              Of each key that is there more than once, all places but one go to a second sorting, by file and place.
//     pass 2   every file again: its keys are copied, but those the second sorting names next.
//
// So memory does not grow with the files, and every value is read and written once.

#include <map>

#include <fmt/format.h>

#include "engine/function_libraries.h"
#include "tools/common/external_sorter.h"
#include "tools/common/output.h"
#include "tools/common/text.h"
#include "tools/rdb/commands.h"
#include "tools/rdb/key_record.h"
#include "tools/rdb/rdb_copy.h"

namespace stele::tools {

namespace {

struct Place {
  std::uint64_t file = 0;
  std::uint64_t index = 0;  // of the key among the file's selected ones
  KeyDigest digest;         // of value and expiry: equal keys are no conflict
  bool expires = false;
};

class Collector final : public InputVisitor {
 public:
  Collector(const InputOptions& input, const std::filesystem::path& path, ExternalSorter& sorter, std::uint64_t file)
      : InputVisitor(input), path_(path), sorter_(sorter), file_(file) {}

  Status function(std::string_view source) override {
    const Result<LibraryHead> head = parse_library_head(source);
    libraries_.emplace_back(head.ok() ? head->name : "?", source);
    return Status();
  }
  const std::vector<std::pair<std::string, std::string>>& libraries() const { return libraries_; }

 protected:
  Status visit(RdbKey& key, const KeyFacts&) override {
    Result<KeyDigest> digest = value_digest(key);
    if (!digest.ok()) {
      return Status::corrupt("{}: offset {}: the value of key {} is malformed: {}", path_.native(), key.offset,
                             in_quotes(key.key, 128), digest.status().message());
    }
    digest->high ^= static_cast<std::uint64_t>(key.expire_at_ms.value_or(-1));
    const Place place{file_, index_++, *digest, key.expire_at_ms.has_value()};
    return sorter_.add(sort_key(key.db, key.key), {reinterpret_cast<const char*>(&place), sizeof place});
  }

 private:
  const std::filesystem::path& path_;
  ExternalSorter& sorter_;
  const std::uint64_t file_;
  std::uint64_t index_ = 0;
  std::vector<std::pair<std::string, std::string>> libraries_;
};

/// The places that are not copied, in the order in which pass 2 comes by them.
class LeftOut {
 public:
  LeftOut(std::size_t memory_bytes) : sorter_(memory_bytes, temporary_directory()) {}

  Status add(const Place& place) {
    std::string key;
    append_sortable(key, place.file);
    append_sortable(key, place.index);
    return sorter_.add(key, {});
  }
  Status finish() {
    STELE_CHECK(sorter_.finish());
    return advance();
  }
  /// Whether this place is one. Places must be asked for in order.
  Result<bool> covers(std::uint64_t file, std::uint64_t index) {
    if (at_end_ || next_ != std::pair(file, index)) return false;
    STELE_CHECK(advance());
    return true;
  }

 private:
  Status advance() {
    std::string_view key;
    std::string_view payload;
    STELE_TRY(const bool more, sorter_.next(key, payload));
    at_end_ = !more;
    if (more) next_ = {read_sortable(key), read_sortable(key.substr(8))};
    return Status();
  }

  ExternalSorter sorter_;
  std::pair<std::uint64_t, std::uint64_t> next_;
  bool at_end_ = false;
};

class Copier final : public InputVisitor {
 public:
  Copier(const InputOptions& input, RdbCopy& copy, LeftOut& left_out, std::uint64_t file)
      : InputVisitor(input), copy_(copy), left_out_(left_out), file_(file) {}

 protected:
  Status visit(RdbKey& key, const KeyFacts&) override {
    STELE_TRY(const bool is_left_out, left_out_.covers(file_, index_++));
    return is_left_out ? Status() : copy_.key(key);
  }

 private:
  RdbCopy& copy_;
  LeftOut& left_out_;
  const std::uint64_t file_;
  std::uint64_t index_ = 0;
};

/// What pass 1 finds out.
class Plan {
 public:
  Plan(const MergeOptions& options) : options_(options), left_out_(options.memory_bytes / 2) {}

  Status make() {
    ExternalSorter sorter(options_.memory_bytes, temporary_directory());
    for (std::size_t i = 0; i < options_.from.size(); ++i) {
      Collector collector(options_.input, options_.from[i], sorter, i);
      STELE_TRY(const RdbSummary summary, read_input(options_.from[i], options_.input, collector));
      if (summary.dialect == RdbDialect::redis) version_ = std::max(version_, summary.version);
      for (const auto& [name, code] : collector.libraries()) add_library(name, code, i);
    }
    STELE_CHECK(sorter.finish());
    std::string current;
    std::vector<Place> places;  // of one key: at most one in each file, unless the file is damaged
    for (;;) {
      std::string_view key;
      std::string_view payload;
      STELE_TRY(const bool more, sorter.next(key, payload));
      if ((!more || key != current) && !places.empty()) {
        STELE_CHECK(choose(current, places));
        places.clear();
      }
      if (!more) break;
      current = key;
      Place place;
      std::memcpy(&place, payload.data(), sizeof place);
      places.push_back(place);
    }
    return left_out_.finish();
  }

  int version() const { return version_; }
  std::uint64_t conflicts() const { return conflicts_; }
  LeftOut& left_out() { return left_out_; }
  const std::map<std::string, std::string>& libraries() const { return libraries_; }
  struct Expected {
    std::uint64_t keys = 0;
    std::uint64_t expires = 0;
  };
  const std::map<std::uint64_t, Expected>& expected() const { return expected_; }

 private:
  static constexpr std::uint64_t kNamedMax = 20;

  void conflict(const std::string& what) {
    if (++conflicts_ <= kNamedMax && options_.on_conflict == MergeOptions::OnConflict::fail) complain(kRdbTool, what);
  }

  void add_library(const std::string& name, const std::string& code, std::size_t file) {
    const auto [there, is_new] = libraries_.try_emplace(name, code);
    if (is_new || there->second == code) return;
    conflict(
        fmt::format("the function library {} is another one in {}", in_quotes(name), options_.from[file].native()));
    if (options_.on_conflict == MergeOptions::OnConflict::last) there->second = code;
  }

  Status choose(std::string_view sorted_key, const std::vector<Place>& places) {
    // Equal keys come in the order of the files.
    const Place& chosen = options_.on_conflict == MergeOptions::OnConflict::last ? places.back() : places.front();
    Expected& expected = expected_[db_of_sort_key(sorted_key)];
    ++expected.keys;
    expected.expires += chosen.expires;
    if (places.size() == 1) return Status();
    for (const Place& place : places) {
      if (&place == &chosen) continue;
      STELE_CHECK(left_out_.add(place));
    }
    for (const Place& place : places) {
      if (place.digest == places.front().digest) continue;
      conflict(fmt::format("key {} in database {} is not the same in {} and {}",
                           in_quotes(key_of_sort_key(sorted_key), 128), db_of_sort_key(sorted_key),
                           options_.from[places.front().file].native(), options_.from[place.file].native()));
      break;
    }
    return Status();
  }

  const MergeOptions& options_;
  LeftOut left_out_;
  int version_ = kRdbVersionFirst;
  std::uint64_t conflicts_ = 0;
  std::map<std::string, std::string> libraries_;
  std::map<std::uint64_t, Expected> expected_;
};

Status copy_all(const MergeOptions& options, Plan& plan, RdbCopy& copy) {
  STELE_CHECK(copy.begin());
  STELE_CHECK(copy.aux("redis-bits", "64"));
  STELE_CHECK(copy.aux("ctime", fmt::to_string(options.input.selection.now_ms / 1000)));
  for (const auto& [name, code] : plan.libraries()) STELE_CHECK(copy.function(code));
  for (const auto& [db, expected] : plan.expected()) copy.expect(db, expected.keys, expected.expires);
  for (std::size_t i = 0; i < options.from.size(); ++i) {
    Copier copier(options.input, copy, plan.left_out(), i);
    STELE_CHECK(read_input(options.from[i], options.input, copier).status());
  }
  return Status();
}

}  // namespace

int merge(const MergeOptions& options) {
  Result<OutputFile> output = OutputFile::create(options.to, options.force);
  if (!output.ok()) return failed(output.status());
  Plan plan(options);
  if (const Status status = plan.make(); !status.ok()) return failed(status);
  if (plan.conflicts() > 0 && options.on_conflict == MergeOptions::OnConflict::fail) {
    complain(kRdbTool, fmt::format("{} conflicts; {} was not written. --on-conflict first or last decides them",
                                   format_count(plan.conflicts()), options.to.native()));
    return kFoundSomething;
  }
  const int version = options.version != 0 ? options.version : std::min(plan.version(), kRdbVersionLast);
  RdbCopy copy(
      output->file(),
      {.version = version, .compress = options.compress, .checksum = options.checksum, .lossy = options.lossy});
  const Status status = copy_all(options, plan, copy);
  if (status.ok() && plan.conflicts() > 0) {
    complain(kRdbTool, fmt::format("{} conflicts were decided for the {} file", format_count(plan.conflicts()),
                                   options.on_conflict == MergeOptions::OnConflict::first ? "first" : "last"));
  }
  return finish_copy(copy, *output, status, options.to, 0);
}

}  // namespace stele::tools
