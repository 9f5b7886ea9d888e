#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/resp_buffer.h"

namespace stele {

/// A connection to another server, which the executor waits for: MIGRATE's. Every wait has a bound of its own, but for the
/// lookup of a name, which is the resolver's affair. Threads: the executor.
class TargetLink {
 public:
  using Timeout = std::chrono::milliseconds;

  enum class Connected {
    yes,
    no,       // no such host, no way there, or no answer within the timeout
    refused,  // there is nobody who listens
  };

  /// Tries each address that `host` has, within `timeout` for all. The link is null unless `yes`.
  static Connected connect(const std::string& host, const std::string& port, Timeout timeout,
                           std::unique_ptr<TargetLink>& link);
  ~TargetLink();
  TargetLink(const TargetLink&) = delete;
  TargetLink& operator=(const TargetLink&) = delete;

  /// Where commands go that flush() sends.
  OutputBuffer& output() { return output_; }

  /// Sends all of output(), `timeout` for every kWriteBytes. False if it could not: the link is of no more use.
  bool flush(Timeout timeout);

  /// The next line, without its end; valid until the next call. Nothing if it did not come within `timeout`: as above.
  std::optional<std::string_view> read_line(Timeout timeout);

  /// Whether flush() or read_line() failed for lack of time, so that the other side may still be at work.
  bool timed_out() const { return timed_out_; }

  /// Nothing has come that was not asked for, its end included.
  bool is_quiet() const;

  /// What SELECT chose there; nothing before the first.
  std::optional<std::int64_t> db;

  static constexpr std::size_t kWriteBytes = 64 * 1024;

 private:
  explicit TargetLink(int fd) : fd_(fd) {}
  bool wait_for(short events, std::chrono::steady_clock::time_point deadline);

  const int fd_;
  OutputBuffer output_;
  std::string input_;
  std::size_t read_ = 0;  // bytes of input_ that read_line() has returned
  bool timed_out_ = false;
};

}  // namespace stele
