#include "protocol/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

namespace stele {

void set_log_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
    case LogLevel::verbose: spdlog::set_level(spdlog::level::debug); break;
    case LogLevel::notice: spdlog::set_level(spdlog::level::info); break;
    case LogLevel::warning: spdlog::set_level(spdlog::level::warn); break;
  }
}

Status open_log(const Config& config) {
  try {
    std::vector<spdlog::sink_ptr> sinks;
    if (!config.logfile.empty()) {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.logfile));
    } else if (!config.daemonize) {
      sinks.push_back(std::make_shared<spdlog::sinks::stdout_sink_mt>());
    }
    if (config.syslog_enabled) {
      sinks.push_back(std::make_shared<spdlog::sinks::syslog_sink_mt>(config.syslog_ident, LOG_PID, LOG_LOCAL0, false));
    }
    auto logger = std::make_shared<spdlog::logger>("stele", sinks.begin(), sinks.end());
    // The form operators know: pid, role, day and time, a sign for the level.
    logger->set_pattern("%P:M %d %b %Y %H:%M:%S.%e %L %v");
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& error) {
    return Status::invalid("cannot open the log '{}': {}. Check 'logfile'", config.logfile, error.what());
  }
  set_log_level(config.loglevel);
  return Status();
}

}  // namespace stele
