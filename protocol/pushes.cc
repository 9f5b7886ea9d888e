#include "protocol/pushes.h"

namespace stele {

namespace {

// Less than this is checked against the limits when it is sent.
constexpr std::size_t kUncheckedOutputBytesMax = 1024 * 1024;

}  // namespace

void Pushes::Running::send_late() {
  if (connection_.closed) return;
  connection_.output.append(late_->view());
  pushes_.replied_(connection_);
}

OutputBuffer* Pushes::late_for(const Connection& to) {
  for (Running* run = running_; run != nullptr; run = run->outer_) {
    if (&run->connection_ != &to) continue;
    if (run->late_ == nullptr) run->late_ = std::make_unique<OutputBuffer>();
    return run->late_.get();
  }
  return nullptr;
}

void Pushes::send(Connection& to, std::string_view bytes) {
  if (to.closed || to.close_after_reply) return;
  if (OutputBuffer* late = late_for(to)) return late->append(bytes);
  to.output.append(bytes);
  if (!to.in_turn) replied_(to);
  if (to.output.size() > kUncheckedOutputBytesMax) crowded_.push_back(&to);
}

void Pushes::end_delivery() {
  if (crowded_.empty()) return;
  for (Connection* connection : std::exchange(crowded_, {})) {
    if (!connection->closed) check_(*connection);
  }
}

OutputBuffer& Pushes::answer(Connection& connection, OutputBuffer& reply) {
  if (connection.reply_mode == ReplyMode::on) return reply;
  OutputBuffer* late = late_for(connection);
  return late == nullptr ? reply : *late;
}

}  // namespace stele
