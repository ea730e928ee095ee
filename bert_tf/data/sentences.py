"""Splits paragraphs into sentences, with sentencex of the Wikimedia Foundation. Needs no TensorFlow.

sentence_splitter("en")("It rains. Mrs. Vell smiles.")    # ["It rains.", "Mrs. Vell smiles."]
"""

from collections.abc import Callable

from bert_tf.errors import UserError


def sentence_splitter(language: str) -> Callable[[str], list[str]]:
    """Returns a function that splits a paragraph.

    Args:
        language: its ISO 639 code, such as `"en"`; it decides which dots end abbreviations. The rules of English or of
            a related language are used for one that the library does not know.

    Raises:
        UserError: the library is not installed.
    """
    try:
        import sentencex
    except ModuleNotFoundError:
        remedy = "install it with: pip install -e '.[sentences]'"
        raise UserError(f"split_sentences: the package sentencex is missing; {remedy}") from None

    def split(paragraph: str) -> list[str]:
        return [text for part in sentencex.segment(language, paragraph) if (text := part.strip())]

    return split
