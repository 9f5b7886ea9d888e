#include "persistence/file_appender.h"

namespace stele {

namespace {

constexpr std::uint64_t kStepBytes = 8 * 1024 * 1024;

}  // namespace

Status FileAppender::append(std::string_view bytes) {
  STELE_CHECK(file_.write_at(written_, bytes));
  written_ += bytes.size();
  if (written_ - started_ < kStepBytes) return {};
  // The disk works on this step while the next one is made: only then is there something to wait for.
  STELE_CHECK(file_.start_writing(started_, written_));
  if (started_ > on_disk_) {
    STELE_CHECK(file_.finish_writing(on_disk_, started_));
    on_disk_ = started_;
  }
  started_ = written_;
  return {};
}

}  // namespace stele
