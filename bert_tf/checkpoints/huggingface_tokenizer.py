"""Writes Hugging Face's `tokenizer.json` so that its tokenizer cuts texts as the original's does.

    tokenizer_json(load_vocab("vocab.txt"), do_lower_case=True)["model"]["type"]  # "WordPiece"

transformers' own `BertTokenizer` differs from the original: it drops characters that are not assigned, lowercases a
capital sigma at the end of a word otherwise, takes words of more than 100 characters for unknown (the original 200),
misses a block of Chinese, and knows the characters of another version of Unicode. So the file does not use its
`BertNormalizer`; it spells out the original's rules, with the sets of characters of this Python's `unicodedata`.
"""

import functools
import unicodedata
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from bert_tf.data.characters import (
    CASED,
    IGNORABLE,
    SINGLE,
    character_kinds,
    normalization,
    sigma_contexts,
)
from bert_tf.data.tokenization import MAX_INPUT_CHARS_PER_WORD, SUFFIX, UNKNOWN

PADDING = "[PAD]"
# The names under which transformers knows the pieces with a meaning.
SPECIAL_PIECES = {
    "pad_token": PADDING,
    "unk_token": UNKNOWN,
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
# A vowel sign of Unicode 13; Hugging Face's NFD is of an earlier version. It is the only one in Unicode 14 and 15.
_MISSED_BY_NFD = "\U00011938"
_CODE_POINTS = 0x110000
_SURROGATES = slice(0xD800, 0xE000)


def tokenizer_json(vocab: Mapping[str, int], do_lower_case: bool) -> dict:
    """Returns the content of a `tokenizer.json`.

    Args:
        vocab: the ids of the word pieces, see `load_vocab`.
        do_lower_case: True to lowercase text and strip its accents.
    """
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(piece, vocab[piece]) for piece in _special_pieces(vocab).values()],
        "normalizer": {"type": "Sequence", "normalizers": _normalizers(do_lower_case)},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, _split_singles()]},
        "post_processor": _template(vocab),
        "decoder": {"type": "WordPiece", "prefix": SUFFIX, "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": UNKNOWN,
            "continuing_subword_prefix": SUFFIX,
            "max_input_chars_per_word": MAX_INPUT_CHARS_PER_WORD,
            "vocab": dict(vocab),
        },
    }


def tokenizer_config(vocab: Mapping[str, int], do_lower_case: bool, max_length: int, has_masks: bool = False) -> dict:
    """Returns the content of a `tokenizer_config.json`.

    The class is the one that takes `tokenizer.json` as it is; `BertTokenizer` puts its own rules in place of them.

    Args:
        vocab: the ids of the word pieces.
        do_lower_case: True if text is lowercased.
        max_length: in pieces, to which texts are truncated if the user asks for truncation.
        has_masks: whether the characters [MASK] in a text stand for a mask.
    """
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "do_lower_case": do_lower_case,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        "model_max_length": max_length,
        # The characters [SEP] in a text are three words, as for the original, and no separator. transformers cannot
        # do so and find masks.
        "split_special_tokens": not has_masks,
        "clean_up_tokenization_spaces": False,
        **_special_pieces(vocab),
    }


def tokenizer_difference(do_lower_case: bool, has_masks: bool = False) -> str:
    """Returns a sentence on which texts transformers cuts otherwise, as measured with tokenizers 0.23.

    Args:
        do_lower_case: True if text is lowercased.
        has_masks: see `tokenizer_config`.
    """
    version = unicodedata.unidata_version
    letters = (
        f"capital letters newer than Unicode {version} and rare marks in an unusual order, for which the tokenizers "
        "library has another version of Unicode, and "
    )
    special = "texts with the characters [SEP] and the like, which it takes for these pieces, and "
    return (
        f"Its tokenizer cuts every text as bert-tf does, except for {letters if do_lower_case else ''}"
        f"{special if has_masks else ''}pairs that are truncated: it may keep one piece more of the longer text and "
        "one less of the other."
    )


def _special_pieces(vocab: Mapping[str, int]) -> dict[str, str]:
    """Returns those that the vocabulary has. transformers would give others ids for which the model has no row."""
    return {name: piece for name, piece in SPECIAL_PIECES.items() if piece in vocab}


def _added_token(piece: str, index: int) -> dict:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": index, "content": piece, **flags, "special": True}


def _template(vocab: Mapping[str, int]) -> dict:
    """Puts [CLS] and [SEP] around a text or a pair."""

    def special(piece: str, type_id: int) -> dict:
        return {"SpecialToken": {"id": piece, "type_id": type_id}}

    single = [special("[CLS]", 0), {"Sequence": {"id": "A", "type_id": 0}}, special("[SEP]", 0)]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}, special("[SEP]", 1)],
        "special_tokens": {
            piece: {"id": piece, "ids": [vocab[piece]], "tokens": [piece]} for piece in ("[CLS]", "[SEP]")
        },
    }


# The rules, in the order of the original's `BasicTokenizer`. White space, which it turns into spaces, only separates.


def _normalizers(do_lower_case: bool) -> list[dict]:
    table = normalization(do_lower_case=False)
    dropped = ~table.present.any(axis=1)[table.line(tf.range(_CODE_POINTS)).numpy()]
    clean = _replace(_one_of(dropped), "")
    if not do_lower_case:
        return [clean]
    accents = _one_of(_is_of_category("Mn"))
    return [
        clean,
        _replace(_final_sigma(), "ς"),
        {"type": "Lowercase"},
        {"type": "NFD"},
        _replace(_MISSED_BY_NFD, unicodedata.normalize("NFD", _MISSED_BY_NFD)),
        _replace(accents, ""),
    ]


def _replace(pattern: str, content: str) -> dict:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def _split_singles() -> dict:
    """Cuts out punctuation and Chinese characters, each as a word."""
    singles = character_kinds()(tf.range(_CODE_POINTS)).numpy() == SINGLE
    return {"type": "Split", "pattern": {"Regex": _one_of(singles)}, "behavior": "Isolated", "invert": False}


def _final_sigma() -> str:
    """Returns the pattern of the capital sigmas that `str.lower` makes final ones: only after cased characters."""
    contexts = sigma_contexts()(tf.range(_CODE_POINTS)).numpy()
    cased, ignorable = _one_of(contexts == CASED), _one_of(contexts == IGNORABLE)
    return f"(?<={cased}{ignorable}*)Σ(?!{ignorable}*{cased})"


@functools.cache
def _categories() -> np.ndarray:
    return np.array([unicodedata.category(chr(code)) for code in range(_CODE_POINTS)])


def _is_of_category(name: str) -> np.ndarray:
    return _categories() == name


def _one_of(chosen: np.ndarray) -> str:
    r"""Returns the pattern of one character of a set.

    Example:
        >>> _one_of(np.isin(np.arange(0x110000), [0x61, 0x62, 0x63, 0x2D]))
        '[\\-a-c]'
    """
    chosen = chosen.copy()
    chosen[_SURROGATES] = False
    edges = np.flatnonzero(np.diff(chosen, prepend=False, append=False)).reshape(-1, 2)
    return f"[{''.join(_range(first, past - 1) for first, past in edges.tolist())}]"


def _range(first: int, last: int) -> str:
    return _literal(first) if first == last else f"{_literal(first)}-{_literal(last)}"


def _literal(code: int) -> str:
    char = chr(code)
    return f"\\{char}" if char.isascii() and not char.isalnum() and char.isprintable() else char
