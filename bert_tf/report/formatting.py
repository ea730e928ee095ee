"""Formats numbers for readers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bert_tf.report.escaping import one_line
from bert_tf.report.scores import Score

NONE = "\N{EN DASH}"


def shortened(text: str, limit: int = 200) -> str:
    """Leaves out the middle of a text that is too long for a line.

    Example:
        >>> shortened("abcdefghij", 5)
        'ab…ij'
    """
    half = limit // 2
    return text if len(text) <= limit else f"{text[:half]}…{text[-half:]}"


def listed(items: Sequence[str], separator: str = ", ", limit: int = 8) -> str:
    """Joins the first items and counts the rest.

    Example:
        >>> listed("abcd", limit=2)
        'a, b and 2 more'
    """
    more = f" and {len(items) - limit:,} more" if len(items) > limit else ""
    return separator.join(items[:limit]) + more


def folder_names(values: Sequence[object]) -> list[object]:
    """Returns the last parts of paths if they distinguish the values, else the values as they are.

    Example:
        >>> folder_names(["/models/base", "/models/large", None])
        ['base', 'large', None]
        >>> folder_names(["/first/model", "/second/model"])
        ['/first/model', '/second/model']
    """
    names = [Path(value).name or value if isinstance(value, str) else value for value in values]
    is_clear = len(set(map(str, names))) == len(set(map(str, values)))
    return names if is_clear else list(values)


def percent(share: float) -> str:
    """Formats a share in percent without the sign.

    Example:
        >>> percent(0.8431)
        '84.3'
    """
    return f"{100 * share:.1f}"


def spread(mean_and_sd: tuple[float | None, float | None], scale: float = 1, digits: int = 1) -> str:
    """Formats a mean and its standard deviation.

    Example:
        >>> spread((0.8431, 0.0123), 100)
        '84.3 ± 1.2'
    """
    mean, sd = mean_and_sd
    if mean is None:
        return NONE
    return f"{scale * mean:.{digits}f}" + (f" ± {scale * sd:.{digits}f}" if sd is not None else "")


def score_spread(score: Score, mean_and_sd: tuple[float | None, float | None]) -> str:
    """Formats the mean and the standard deviation of a score, without the unit."""
    return spread(mean_and_sd, score.scale, score.digits)


def p_text(p_value: float) -> str:
    """Formats a p-value.

    Example:
        >>> p_text(0.0004), p_text(0.0312), p_text(0.41)
        ('< 0.001', '0.031', '0.41')
    """
    if p_value < 0.001:
        return "< 0.001"
    return f"{p_value:.2f}" if p_value >= 0.1 else f"{p_value:.3f}"


def duration(seconds: float | None) -> str:
    """Formats seconds as minutes and seconds, or hours and minutes.

    Example:
        >>> duration(104.2), duration(7260)
        ('1 min 44 s', '2 h 1 min')
    """
    if seconds is None:
        return NONE
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def flag_text(value: object) -> str:
    """Formats the value of a flag.

    Example:
        >>> flag_text(2e-05), flag_text(3.0), flag_text(True)
        ('2e-5', '3', 'yes')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        small = 0 < abs(value) < 1e-3
        return np.format_float_scientific(value, trim="-", exp_digits=1) if small else f"{value:g}"
    return shortened(one_line(value))


def lower_first(text: str) -> str:
    """Makes a sentence's beginning fit inside a sentence.

    Example:
        >>> lower_first("Always answering")
        'always answering'
    """
    return text[:1].lower() + text[1:]
