import csv
import html
import io

import pytest

from bert_tf.report.escaping import csv_text, html_text, markdown_text, one_line

NASTY = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=y>',
    "a|b\n| c |",
    "=1+1",
    "\x00\x1b[31m",
    "\udcff",
    "a & b",
]


@pytest.mark.parametrize("text", NASTY)
def test_html_has_no_markup_and_reads_back(text):
    escaped = html_text(text)
    assert not set('<>"') & set(escaped)
    assert html.unescape(escaped) == one_line(text)
    escaped.encode("utf-8")


def test_line_ends_of_all_kinds_become_spaces():
    assert one_line("a\r\nb\u2028c\x0bd\x85e") == "a b c d e"


def test_markdown_keeps_a_table_cell_whole():
    assert markdown_text("a|b\n| c |") == r"a\|b \| c \|"


def test_markdown_makes_no_links_images_or_elements():
    assert markdown_text("![x](y) <b> https://z") == r"!\[x\](y) &lt;b&gt; https\://z"


def test_markdown_leaves_a_comparison_readable():
    assert markdown_text("p < 0.05") == "p < 0.05"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1"])
def test_a_spreadsheet_computes_no_cell(text):
    file = io.StringIO()
    csv.writer(file).writerow([csv_text(text)])
    assert next(csv.reader(io.StringIO(file.getvalue())))[0].startswith("'")


@pytest.mark.parametrize("escape", [html_text, markdown_text, csv_text])
def test_a_name_cannot_turn_the_direction_of_the_text_after_it(escape):
    assert escape("a\u202eb\u2066c") == "a\ufffdb\ufffdc"
    assert escape("می\u200cشود") == "می\u200cشود"
