#pragma once

#include "persistence/status.h"
#include "protocol/config.h"

namespace stele {

/// Sends spdlog's default logger where the configuration says: standard output, a file, syslog.
Status open_log(const Config& config);
void set_log_level(LogLevel level);

}  // namespace stele
