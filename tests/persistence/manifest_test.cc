#include "persistence/manifest.h"

#include <gtest/gtest.h>

namespace stele {
namespace {

struct Form {
  const char* name;
  std::string text;
  bool accepted;
};

void PrintTo(const Form& form, std::ostream* out) { *out << form.name; }

class ManifestForm : public ::testing::TestWithParam<Form> {};

TEST_P(ManifestForm, IsReadAsStockServersDo) {
  EXPECT_EQ(Manifest::parse(GetParam().text).ok(), GetParam().accepted);
}

const std::string kIncr = "file a.1.incr.aof seq 1 type i\n";

INSTANTIATE_TEST_SUITE_P(
    Table, ManifestForm,
    ::testing::Values(
        Form{"plain", "file a.1.base.rdb seq 1 type b\n" + kIncr, true},
        Form{"keys_in_another_order", "type i seq 1 file a\n", true}, Form{"capitals", "FILE a SEQ 1 TYPE i\n", true},
        Form{"spaces_and_tabs", "  file   a\t\tseq 1 \t type i  \n", true},
        Form{"unknown_pair", "file a seq 1 type i foo bar\n", true},
        Form{"quoted_value", "file \"my base.rdb\" seq 1 type b\n", true},
        Form{"quoted_escapes", "file \"a\\x20b\\\"c\" seq 1 type b\n", true},
        Form{"single_quotes", "file 'my base' seq 1 type b\n", true},
        Form{"open_quote", "file \"my seq 1 type b\n", false},
        Form{"text_behind_quote", "file \"my\"x seq 1 type b\n", false},
        Form{"long_type", "file a seq 1 type base\n", true}, Form{"crlf", "file a seq 1 type i\r\n", true},
        Form{"comments", "# one\n" + kIncr + "#two\n", true}, Form{"comments_alone", "# nothing\n", true},
        Form{"history", "file gone seq 1 type h\n" + kIncr, true}, Form{"base_after_incr", kIncr + "file b seq 1 type b\n", true},
        Form{"empty", "", false}, Form{"empty_line", kIncr + "\n", false}, Form{"blank_line", kIncr + "  \n", false},
        Form{"no_final_lf", "file a seq 1 type i", false},
        Form{"line_of_1024", "file a seq 1 type i x " + std::string(1001, 'y') + "\n", true},
        Form{"line_of_1025", "file a seq 1 type i x " + std::string(1002, 'y') + "\n", false},
        Form{"no_file", "seq 1 type i\n", false}, Form{"no_seq", "file a type i\n", false},
        Form{"no_type", "file a seq 1\n", false}, Form{"no_seq_but_pairs", "file a type i x y\n", false},
        Form{"seq_zero", "file a seq 0 type i\n", false}, Form{"seq_no_number", "file a seq one type i\n", false},
        Form{"odd_words", "file a seq 1 type i x\n", false}, Form{"unknown_type", "file a seq 1 type x\n", false},
        Form{"slash", "file a/b seq 1 type i\n", false}, Form{"parent", "file .. seq 1 type i\n", false},
        Form{"two_bases", "file a seq 1 type b\nfile b seq 2 type b\n", false},
        Form{"same_seq", kIncr + "file b seq 1 type i\n", false}, Form{"seq_falls", "file b seq 2 type i\n" + kIncr, false},
        Form{"seq_gap", kIncr + "file c seq 3 type i\n", true}),
    [](const auto& form) { return form.param.name; });

TEST(Manifest, IsWrittenAsItIsRead) {
  Manifest manifest;
  manifest.set_base("my \"base\" \x01.rdb", 2);
  manifest.add_incr("a.4.incr.aof", 4);
  manifest.add_incr("a.7.incr.aof", 7);
  const Result<Manifest> again = Manifest::parse(manifest.text());
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->entries(), manifest.entries());
}

TEST(Manifest, ARetiredIncrIsHistoryUntilItIsForgotten) {
  Manifest manifest;
  manifest.add_incr("a", 1);
  manifest.add_incr("b", 2);
  manifest.retire("a");
  EXPECT_EQ(manifest.text(), "file a seq 1 type h\nfile b seq 2 type i\n");
  manifest.forget("a");
  manifest.forget("b");
  EXPECT_EQ(manifest.text(), "file b seq 2 type i\n");
}

TEST(Manifest, ANewBaseRetiresTheOldOne) {
  Manifest manifest;
  manifest.set_base("one", 1);
  manifest.set_base("two", 2);
  EXPECT_EQ(manifest.text(), "file two seq 2 type b\nfile one seq 1 type h\n");
}

}  // namespace
}  // namespace stele
