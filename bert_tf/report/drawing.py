"""Makes a figure of Matplotlib an `<svg>` element for an HTML page.

    with styled():
        figure, axes = create(WIDTH, 2.9)
        axes.plot([1, 2], [3, 4], color=ACCENT)
        text = svg(figure, "s1-time", "A line that rises from 3 to 4.")

The colors are CSS variables of the page, so a figure follows light and dark mode. Text stays text, in the page's font.
The figures are about as wide as a phone, so they need not shrink there.
"""

import contextlib
import io
import re
import warnings

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from bert_tf.report.escaping import html_text

# Matplotlib has no CSS variables: it draws in these placeholders, which are replaced by the page's colors.
INK, FAINT, ACCENT, BAND, OTHER, WARNING = (f"#00000{number}" for number in range(1, 7))
_COLORS = {
    INK: "var(--ink)",
    FAINT: "var(--rule)",
    ACCENT: "var(--accent)",
    BAND: "var(--band)",
    OTHER: "var(--other)",
    WARNING: "var(--warning)",
}
_STYLE = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "sans-serif",
    "font.size": 9.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "bert_tf",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "xtick.labelsize": 9,
    "xtick.major.width": 0.6,
    "ytick.color": INK,
    "ytick.labelsize": 9,
    "ytick.major.width": 0.6,
}
WIDTH = 4.6


def styled() -> contextlib.AbstractContextManager:
    """Returns a context in which Matplotlib draws in the style of the page."""
    return mpl.rc_context(_STYLE)


def create(width: float, height: float) -> tuple[Figure, Axes]:
    """Creates a figure with one pair of axes; sizes in inches of 72 points."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def svg(figure: Figure, prefix: str, description: str) -> str:
    """Returns the bare `<svg>` element, without prologue, metadata and styles. All ids start with `prefix`."""
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings():
        # The text is drawn in the page's font, so glyphs missing from Matplotlib's own font do not matter.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        FigureCanvasSVG(figure).print_svg(file, metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<(metadata|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", text)
    for placeholder, color in _COLORS.items():
        text = text.replace(placeholder, color)
    text = re.sub(r" font-family: [^;\"]*;", "", text)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    head = f'<svg role="img" aria-label="{html_text(description)}" viewBox="{size[0][9:-1]}">'
    return head + text[text.index(">") + 1 :].strip()
