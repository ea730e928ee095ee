"""Text from data, names and paths, made harmless for the page, the table or the spreadsheet it goes into."""

import html
import re
import unicodedata

_SPREADSHEET_FORMULA = ("=", "+", "-", "@")
_MARKDOWN = re.compile(r"([\\`*_\[\]#|~$@]|:(?=//))")


def one_line(text: object) -> str:
    r"""The text on one line: white space becomes single spaces, and what cannot be written a replacement sign.

    Control characters have no place in HTML, and lone surrogates (names of files that are not UTF-8, JSON's
    escapes) cannot be encoded.

    Example:
        >>> one_line("two\n\tlines\x00")
        'two lines\ufffd'
    """
    words = " ".join(str(text).split())
    return "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cs") else char for char in words)


def html_text(text: object) -> str:
    """For HTML, as text or inside a quoted attribute.

    Example:
        >>> html_text("<script>")
        '&lt;script&gt;'
    """
    return html.escape(one_line(text), quote=True)


def markdown_text(text: object) -> str:
    r"""For a line or a table's cell of Markdown, where nothing in it formats, links or calls anybody.

    Example:
        >>> markdown_text("a|b <i>")
        'a\\|b &lt;i&gt;'
    """
    # A `<` before a space begins no element: "p < 0.05" stays readable in the source.
    entities = html.escape(one_line(text), quote=False).replace("&lt; ", "< ")
    return _MARKDOWN.sub(r"\\\1", entities)


def csv_text(text: object) -> str:
    """For a text cell of a CSV file: a spreadsheet shows it and computes nothing.

    Example:
        >>> csv_text("=1+1")
        "'=1+1"
    """
    line = one_line(text)
    return f"'{line}" if line.startswith(_SPREADSHEET_FORMULA) else line
