#pragma once

#include <string_view>

namespace stele::tools {

/// report.html, put in a string by the build.
extern const std::string_view kReportPage;

}  // namespace stele::tools
