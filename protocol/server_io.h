#pragma once

#include <csignal>
#include <functional>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include "protocol/listeners.h"
#include "protocol/poller.h"
#include "protocol/server.h"

namespace stele {

/// What asio does for the executor: accepting, signals, the cron timer, and waiting when nothing else is to do.
struct Server::Io {
  Io(Server& server, int poller_fd)
      : listeners(context, [&server](int fd) { server.accepted(fd); }), poller(context, poller_fd),
        signals(context, SIGINT, SIGTERM), timer(context) {}
  ~Io() { poller.release(); }

  /// Runs what is ready; waits for something if `idle`.
  void poll(bool idle, const Poller&) {
    if (idle) {
      if (!watching_poller) {
        watching_poller = true;
        poller.async_wait(asio::posix::stream_descriptor::wait_read,
                          [this](const asio::error_code&) { watching_poller = false; });
      }
      context.run_one();
    }
    context.poll();
  }

  void start_cron(std::chrono::milliseconds period) {
    timer.expires_after(period);
    timer.async_wait([this, period](const asio::error_code& error) {
      if (error) return;
      cron_due = true;
      start_cron(period);
    });
  }
  bool take_cron_due() { return std::exchange(cron_due, false); }

  void await_signal(std::function<void(int)> signalled) {
    signals.async_wait([this, signalled](const asio::error_code& error, int number) {
      if (error) return;
      signalled(number);
      await_signal(signalled);
    });
  }

  asio::io_context context{1};
  Listeners listeners;
  asio::posix::stream_descriptor poller;
  asio::signal_set signals;
  asio::steady_timer timer;
  bool watching_poller = false;
  bool cron_due = false;
};

}  // namespace stele
