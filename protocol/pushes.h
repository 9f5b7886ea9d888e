#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/connection.h"

namespace stele {

/// What connections are sent unasked: messages, notifications, invalidations. It is appended to a connection's output
/// in the turn that caused it, and so waits for the same gate as the replies of that turn.
///
/// A push for the connection whose command is running would end up inside its reply; it follows behind it instead:
///
///     Running ──► command: replies, pushes for others ──► reply is whole ──► pushes for itself
///
/// Threads: the executor.
class Pushes {
 public:
  /// A command of `connection` is being run, from construction to destruction; they nest (CLIENT UNBLOCK).
  class Running {
   public:
    Running(Pushes& pushes, Connection& connection)
        : pushes_(pushes), connection_(connection), outer_(pushes.running_) {
      pushes.running_ = this;
    }
    ~Running() {
      pushes_.running_ = outer_;
      if (late_ != nullptr) send_late();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    friend class Pushes;
    void send_late();

    Pushes& pushes_;
    Connection& connection_;
    Running* outer_;
    std::unique_ptr<OutputBuffer> late_;  // null: nothing
  };

  /// `replied`: something was appended to the connection's output. `check`: closes the connection if its output is over
  /// the limit.
  Pushes(std::function<void(Connection&)> replied, std::function<void(Connection&)> check)
      : replied_(std::move(replied)), check_(std::move(check)) {}

  /// Whose command is running; null between commands.
  Connection* running() const { return running_ == nullptr ? nullptr : &running_->connection_; }

  /// Appends `bytes`, whole RESP values in the protocol of `to`, unless it is about to be closed. Does not close
  /// connections itself, so that a list of them can be walked; end_delivery() does.
  void send(Connection& to, std::string_view bytes);
  void end_delivery();

  /// Where a push that is the answer to the running command belongs (SUBSCRIBE): its reply, or behind it if the client
  /// has turned replies off, which does not concern pushes.
  OutputBuffer& answer(Connection& connection, OutputBuffer& reply);

 private:
  OutputBuffer* late_for(const Connection& to);

  std::function<void(Connection&)> replied_;
  std::function<void(Connection&)> check_;
  Running* running_ = nullptr;
  std::vector<Connection*> crowded_;  // have much to read
};

}  // namespace stele
