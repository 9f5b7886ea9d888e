#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/status.h"

namespace stele {

/// The list of files in use: Redis 7's multi-part manifest, one file a line.
///
///     file appendonly.aof.2.base.rdb seq 2 type b
///     file appendonly.aof.7.incr.aof seq 7 type i
///
///     b  base: the state at some offset (at most one)
///     i  incr: a segment of the journal, in the order of the stream; seq grows, with gaps allowed
///     h  history: no longer needed, about to be removed; may be absent
///
/// Reading accepts and refuses exactly what stock Redis 7.0 does. A class of bytes: no files are touched here.
class Manifest {
 public:
  enum class Type : char { base = 'b', incr = 'i', history = 'h' };

  struct Entry {
    std::string file;
    std::uint64_t seq = 0;
    Type type = Type::incr;

    bool operator==(const Entry&) const = default;
  };

  /// `corrupt` with the line's number if stock Redis would refuse it.
  static Result<Manifest> parse(std::string_view text);
  std::string text() const;

  const std::vector<Entry>& entries() const { return entries_; }
  std::optional<Entry> base() const;
  std::vector<Entry> incrs() const;
  std::uint64_t last_incr_seq() const;

  /// `seq` must be greater than last_incr_seq().
  void add_incr(std::string file, std::uint64_t seq);
  /// Replaces the base; the one before becomes history.
  void set_base(std::string file, std::uint64_t seq);
  /// The base becomes history.
  void drop_base();
  /// An incr becomes history.
  void retire(std::string_view file);
  /// A history file that was removed is forgotten.
  void forget(std::string_view file);

 private:
  Status add_line(std::string_view line, std::size_t number);

  std::vector<Entry> entries_;
};

}  // namespace stele
