#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "persistence/byte_buffer.h"
#include "protocol/resp_command.h"

namespace stele {

/// Collects the effects of the running turn in the journal's batch, in the form a stock Redis replica understands:
/// a SELECT where the database changes, MULTI and EXEC around the effects of one unit if there are several.
///
/// A unit is what must be applied as a whole: a command, a transaction, a script. Threads: the executor alone.
class Effects {
 public:
  /// `batch` is the journal's.
  explicit Effects(ByteBuffer& batch) : batch_(&batch) {}
  void attach(ByteBuffer& batch) { batch_ = &batch; }

  /// While replaying, what is executed already stands in the journal: nothing is added.
  void mute(bool muted) { muted_ = muted; }
  bool muted() const { return muted_; }

  /// The database selected in the stream: -1 before the first SELECT.
  int stream_db() const { return stream_db_; }
  void set_stream_db(int db) { stream_db_ = db; }

  void begin_unit() {
    unit_start_ = batch_->size();
    unit_stream_db_ = stream_db_;
    unit_effects_ = 0;
  }
  void end_unit() {
    if (unit_effects_ > 1) append_raw("*1\r\n$4\r\nEXEC\r\n");
    unit_effects_ = 0;
  }
  /// Takes back what was emitted since begin_unit(): for a server that ends in the middle of a unit.
  void abandon_unit();
  /// Effects emitted since begin_unit().
  std::size_t unit_effects() const { return unit_effects_; }

  /// `raw` is a whole command in RESP.
  void emit_raw(int db, std::string_view raw) {
    if (muted_) return;
    open_effect(db);
    append_raw(raw);
  }

  /// Parts are what append_command() takes: texts, integers, times.
  template <typename... Parts>
  void emit(int db, const Parts&... parts) {
    if (muted_) return;
    open_effect(db);
    append_command(*batch_, parts...);
  }

  /// As emit(), for a command whose length is known only at run time.
  void emit_list(int db, std::span<const std::string_view> args);

 private:
  void open_effect(int db) {
    if (unit_effects_ == 1) insert_multi();
    ++unit_effects_;
    if (db != stream_db_) select(db);
  }
  void insert_multi();
  void select(int db);

  void append_raw(std::string_view bytes) { batch_->append(bytes); }

  ByteBuffer* batch_;
  std::size_t unit_start_ = 0;
  std::size_t unit_effects_ = 0;
  int unit_stream_db_ = -1;
  int stream_db_ = -1;
  bool muted_ = false;
};

}  // namespace stele
