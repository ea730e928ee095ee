"""The content of a TSV file that was read, and a description of it in one line."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from bert_tf.data.quoting import Row
from bert_tf.errors import counted, first_few

_LONGEST_NAME = 20
# Rows of another form than the others are mistakes if they are no more than this share of all.
RARE = 0.01


class Table(NamedTuple):
    """The content of a TSV file.

    Attributes:
        rows: the rows of data, each with its number or guid.
        header: the first row if it names the columns.
        has_expected_header: True if the file has a header as declared, or none as declared.
        quoted: True if the quotes around fields were removed.
        num_blank_lines: the number of blank lines at the end, which were skipped.
        uneven: which line has another number of columns than nearly all others; empty if there is none.
        remark: how an ambiguity was decided; empty if there was none.
        skipped: which rows were left out because they are too short; empty if none was.
    """

    rows: list[tuple[str, Row]]
    header: Row | None
    has_expected_header: bool
    quoted: bool
    num_blank_lines: int
    uneven: str = ""
    remark: str = ""
    skipped: str = ""

    @property
    def is_odd(self) -> bool:
        """True if a user should look at the description."""
        return bool(self.remark or self.uneven or self.skipped) or not self.has_expected_header

    @property
    def description(self) -> str:
        r"""The number of examples and what was taken for what, in one line.

        Example:
            >>> row = Row(2, ["1", "It rains ."])
            >>> Table([("1", row)], Row(1, ["label", "text"]), True, quoted=False, num_blank_lines=0).description
            '1 example; line 1 is the header (label, text)'
        """
        remarks = [counted(len(self.rows), "example"), self._first_line]
        if self.quoted:
            remarks.append("double quotes read as csv does")
        if self.num_blank_lines:
            remarks.append(f"skipped {counted(self.num_blank_lines, 'blank line')} at the end")
        return "; ".join(remarks + [remark for remark in (self.skipped, self.uneven, self.remark) if remark])

    @property
    def _first_line(self) -> str:
        if self.header is None:
            return "no header" if self.has_expected_header else "line 1 is data, there is no header"
        names = first_few(name[:_LONGEST_NAME] for name in self.header.fields)
        unexpected = "" if self.has_expected_header else ", though the task expects none"
        return f"line 1 is the header ({names}){unexpected}"


def find_uneven(rows: Sequence[Row]) -> str:
    """Describes the first row with an unusual number of columns, as a stray tab makes it; "" if there is none.

    Empty fields at the end do not count. Where such rows are not rare, they are meant: some files have a column that
    few rows fill.
    """
    usual = statistics.mode(map(_num_filled, rows))
    uneven = [row for row in rows if not _num_filled(row) <= usual <= len(row.fields)]
    if not 0 < len(uneven) <= RARE * len(rows):
        return ""
    line, fields = uneven[0]
    return f"line {line} has {counted(len(fields), 'column')}, but nearly all lines have {usual}"


def _num_filled(row: Row) -> int:
    """Returns the number of columns up to the last one that is not empty."""
    return max((number for number, field in enumerate(row.fields, start=1) if field.strip()), default=0)
