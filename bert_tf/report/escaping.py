"""Escapes text from data, names and paths for HTML, Markdown and CSV."""

import html
import re
import unicodedata

_SPREADSHEET_FORMULA = ("=", "+", "-", "@")
# Characters that turn the direction of the text after them, so that a name reads as another one.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKDOWN = re.compile(r"([\\`*_\[\]#|~$@]|:(?=//))")


def one_line(text: object) -> str:
    r"""Puts text on one line. White space becomes single spaces; control characters become replacement signs.

    HTML allows no control characters. Lone surrogates, from file names that are not UTF-8 and from JSON's escapes,
    cannot be encoded and are replaced too, and so are characters that turn the direction of the text after them.

    Example:
        >>> one_line("two\n\tlines\x00")
        'two lines\ufffd'
    """
    words = " ".join(str(text).split())
    return "".join("\ufffd" if _is_unprintable(char) else char for char in words)


def _is_unprintable(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") or char in _DIRECTIONS


def html_text(text: object) -> str:
    """Escapes text for HTML, also inside a quoted attribute.

    Example:
        >>> html_text("<script>")
        '&lt;script&gt;'
    """
    return html.escape(one_line(text), quote=True)


def markdown_text(text: object) -> str:
    r"""Escapes text for a line or a table cell of Markdown: formatting, links and @-mentions.

    Example:
        >>> markdown_text("a|b <i>")
        'a\\|b &lt;i&gt;'
    """
    # A `<` before a space starts no element, so "p < 0.05" stays readable in the source.
    entities = html.escape(one_line(text), quote=False).replace("&lt; ", "< ")
    return _MARKDOWN.sub(r"\\\1", entities)


def csv_text(text: object) -> str:
    """Escapes a text cell of a CSV file, so that a spreadsheet does not take it for a formula.

    Example:
        >>> csv_text("=1+1")
        "'=1+1"
    """
    line = one_line(text)
    return f"'{line}" if line.startswith(_SPREADSHEET_FORMULA) else line
