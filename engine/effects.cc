#include "engine/effects.h"

#include <cstring>

namespace stele {

void Effects::emit_list(int db, std::span<const std::string_view> args) {
  if (muted_) return;
  open_effect(db);
  append_command(*batch_, args);
}

void Effects::abandon_unit() {
  if (unit_effects_ == 0) return;
  batch_->resize_down(unit_start_);
  stream_db_ = unit_stream_db_;
  unit_effects_ = 0;
}

void Effects::insert_multi() {
  // Most units have one effect; only the second one shows that the first needed a MULTI before it.
  static constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";
  const std::size_t moved = batch_->size() - unit_start_;
  append_raw(kMulti);
  char* start = batch_->data() + unit_start_;
  std::memmove(start + kMulti.size(), start, moved);
  std::memcpy(start, kMulti.data(), kMulti.size());
}

void Effects::select(int db) {
  append_command(*batch_, std::string_view("SELECT"), db);
  stream_db_ = db;
}

}  // namespace stele
