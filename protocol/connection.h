#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>

#include "engine/session.h"
#include "persistence/offset.h"
#include "protocol/pubsub/pubsub.h"
#include "protocol/resp_buffer.h"
#include "protocol/resp_parser.h"
#include "protocol/tracking/tracking.h"

namespace stele {

/// Why a connection's commands are not run for now.
enum class Waits : std::uint8_t {
  no,
  for_keys,   // cold ones are being loaded
  for_pause,  // CLIENT PAUSE
  blocked,    // a blocking command
  for_acks,   // WAIT, JOURNAL READ
  for_end,    // SHUTDOWN, which waits for replicas
};

enum class ReplyMode : std::uint8_t { on, off, skip_next, skip };

/// A client's socket, what it has sent and what it has not read yet.
///
///     output   [ released: may be sent | held back until the journal has passed a gate       ]
///
/// Replies are released in order; each run of them that is held back has a gate.
struct Connection : Session {
  struct Gate {
    std::uint64_t end;  // of the replies, counted from the connection's first byte
    Offset offset;
  };

  int fd = -1;
  RespParser parser;
  OutputBuffer input;   // of a command that has not arrived whole, or that waits
  OutputBuffer output;
  std::size_t released = 0;
  std::uint64_t sent = 0;  // bytes; with released and output.size() it places the gates
  std::deque<Gate> gates;

  Waits waits = Waits::no;
  bool in_turn = false;          // has replies of the running turn
  bool close_after_reply = false;
  bool peer_is_done = false;     // it will send nothing more
  bool closed = false;           // gone; freed at the end of the turn
  bool watches_writes = false;
  bool monitor = false;
  bool unix_socket = false;
  bool replica = false;          // follows us: gets the stream instead of replies
  bool primary = false;          // we follow it: what comes is the stream
  ReplyMode reply_mode = ReplyMode::on;
  Connection* acts_for = nullptr;  // of the connection that a script runs commands on: the client whose script it is
  std::unique_ptr<Subscriptions> subscriptions;  // null: never subscribed; PubSub's
  std::unique_ptr<TrackingState> tracking;       // null: off; Tracking's

  std::string peer;   // "127.0.0.1:50000", or the path of a unix socket with ":0"
  std::string local;
  std::chrono::steady_clock::time_point created;
  std::chrono::steady_clock::time_point last_active;
  std::chrono::steady_clock::time_point over_soft_limit_since{};
  std::uint64_t bytes_in = 0;
  std::uint64_t commands = 0;
  std::size_t input_peak = 0;  // since check_client()
  std::size_t output_peak = 0;
  std::size_t counted_bytes = 0;  // what Clients::counted_bytes() has of it

  // The command that ran last, and how its name was spelled: the next one is likely the same.
  RegisteredCommand* last_command = nullptr;
  RegisteredCommand* last_subcommand = nullptr;  // of the last one that has any
  char last_name[16] = {};
  std::uint8_t last_name_bytes = 0;

  bool is_loopback() const;
  bool is_subscriber() const { return subscriptions != nullptr && !subscriptions->empty(); }
};

}  // namespace stele
