#pragma once

#include "protocol/config.h"

namespace stele {

/// Has a signal that means a bug (SIGSEGV, SIGABRT and their like) write where it happened to the log before the process ends by it;
/// `crash-log-enabled` no: it just ends. Without effect in builds with a sanitizer, which say more. Threads: the first one.
void set_crash_report(const Config& config);

}  // namespace stele
