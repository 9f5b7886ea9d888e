#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stele::tools {

/// Rows of text in columns as wide as their widest cell, two spaces apart. For tables that fit in memory.
class Table {
 public:
  enum class Align { left, right };

  struct Column {
    std::string_view title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// As many cells as there are columns.
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  /// With the titles, unless all of them are empty. Every line begins with `indent`.
  std::string text(std::string_view indent = "") const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// How many columns of a terminal `text` takes, if every character takes one.
std::size_t text_columns(std::string_view text);

}  // namespace stele::tools
