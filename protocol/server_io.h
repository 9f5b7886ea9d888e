#pragma once

#include <csignal>
#include <functional>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include "protocol/listeners.h"
#include "protocol/poller.h"
#include "protocol/server.h"

namespace stele {

/// What asio does for the executor: accepting, signals, the cron timer. The executor waits in its Poller, which knows the
/// listening sockets too, and is interrupted by signals; the timer's expiry bounds the wait.
struct Server::Io {
  Io(Server& server, Poller& poller)
      : listeners(context, poller, [&server](int fd) { server.accepted(fd); }), signals(context, SIGINT, SIGTERM),
        timer(context) {}

  /// How long the executor may wait for sockets.
  std::chrono::milliseconds until_cron() const {
    const auto left = timer.expiry() - std::chrono::steady_clock::now();
    return std::max(std::chrono::milliseconds(0), std::chrono::ceil<std::chrono::milliseconds>(left));
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
  asio::signal_set signals;
  asio::steady_timer timer;
  bool cron_due = false;
};

}  // namespace stele
