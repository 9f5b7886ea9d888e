#pragma once

#include <string_view>

namespace stele {

inline constexpr std::string_view kSteleVersion = "0.1.0";

/// The Redis that clients may take this server for: what they may ask of it follows from that.
inline constexpr std::string_view kCompatibleVersion = "7.0.15";

}  // namespace stele
