#include "tools/common/table.h"

#include <algorithm>

namespace stele::tools {

std::size_t text_columns(std::string_view text) {
  // Bytes that continue a character of UTF-8 take no room of their own.
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string Table::text(std::string_view indent) const {
  std::vector<std::size_t> widths;
  bool has_titles = false;
  for (const Column& column : columns_) {
    widths.push_back(text_columns(column.title));
    has_titles |= !column.title.empty();
  }
  for (const auto& cells : rows_) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], text_columns(cells[i]));
  }
  std::string out;
  const auto add_row = [&](const auto& cell_of) {
    std::string line(indent);
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (i > 0) line += "  ";
      const std::string_view cell = cell_of(i);
      const std::size_t padding = widths[i] - text_columns(cell);
      if (columns_[i].align == Align::right) line.append(padding, ' ');
      line += cell;
      if (columns_[i].align == Align::left) line.append(padding, ' ');
    }
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  if (has_titles) add_row([&](std::size_t i) { return columns_[i].title; });
  for (const auto& cells : rows_) add_row([&](std::size_t i) { return std::string_view(cells[i]); });
  return out;
}

}  // namespace stele::tools
