"""Random texts of all scripts, full of what makes tokenizing hard."""

# ruff: noqa: RUF001 (letters that look like others are what is tested)

import random

POOLS = [
    "abcxyzABCXYZ0189",
    " \t\n\r\u00a0\u2003\u2028\u2029\u3000",
    ".,;:!?'\"$^`|~-_()[]#@\u037e\u1fef\u00bf\u3001\u2014\u00b7",
    "ΣσςΑαΟΎ\u0345\u02b0\u2160ΐΩ\u2126",
    "\u0301\u0308\u0323\u0327\u0307\u0344\u034f\u0f73\u20dd\u0903",
    "\u302e\u302f\U00016ff0\U00016ff1\U0001d165\U0001d16d\U0001d16e\U0001d160\U0001d1bb",
    "éÅñüÏßẞĳǅﬁ\u0130ı\u212b\u212aÆ½²",
    "한글각힣\u1100\u1161\u11a8\uac00",
    "中文\u3400\uf900\ufa0e\U00020000\U0002f800\u3007かな",
    "שלוםعربيةहिन्दीไทยกำ",
    "😀👍🏽\u200d\ufe0f🇩🇪",
    "\0\x01\x1c\x1f\x7f\x85\u00ad\u200b\ufeff\ufffd\u061c\ue000\U0010ffff\uffff\ufffe\U0001fffe",
]
_LONG_WORDS = ["aB", "é", "한", "\U0001d160", "a\u0301", "Σ", "\U00016ff0\u302e", "x\u200b"]


def random_text(rng: random.Random) -> str:
    """Up to 40 characters of some of the pools."""
    pools = [*rng.sample(POOLS, rng.randint(1, 4)), POOLS[0], POOLS[1]]
    return "".join(rng.choice(rng.choice(pools)) for _ in range(rng.randint(0, 40)))


def random_long_word(rng: random.Random) -> str:
    """A word of about 200 characters, the longest that is split into pieces."""
    alphabet = rng.choice(_LONG_WORDS)
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(198, 203)))


def random_code_points(rng: random.Random) -> str:
    """A few words of any characters, assigned or not; no surrogates, which no UTF-8 has."""
    chars = [chr(rng.randrange(rng.choice((0x300, 0x3000, 0x20000, 0x110000)))) for _ in range(rng.randint(1, 24))]
    return "".join(" " if "\ud800" <= char <= "\udfff" else char for char in chars)
