"""Makes the examples of pre-training from documents: the original's create_pretraining_data.py. Needs no TensorFlow.

    settings = InstanceSettings(max_seq_length=128, max_predictions_per_seq=20)
    documents = [[["it", "rains"], ["it", "pour", "##s"]], [["snow", "falls"]]]
    instances = create_training_instances(documents, vocab_words, settings, random.Random(12345))

With a `random.Random` of the same seed, the functions give what the original's functions of the same names give: they
draw the same random numbers in the same order.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

CLS, SEP, MASK = "[CLS]", "[SEP]", "[MASK]"
# The pieces of a sequence besides those of its two texts.
_NUM_SPECIAL = 3
# The original tries so often to find another document for a random second text.
_TRIES = 10

Document = Sequence[Sequence[str]]


class InstanceSettings(NamedTuple):
    """Settings by which documents become instances; names and defaults are those of the original's flags.

    Attributes:
        max_seq_length: the largest number of pieces of an instance, at least 5.
        max_predictions_per_seq: the largest number of masked pieces of an instance.
        do_whole_word_mask: True to mask all pieces of a word, or none.
        dupe_factor: how often each document is used, each time with other masks.
        short_seq_prob: the share of documents from which shorter instances are made.
        masked_lm_prob: the share of pieces to mask.
    """

    max_seq_length: int = 128
    max_predictions_per_seq: int = 20
    do_whole_word_mask: bool = False
    dupe_factor: int = 10
    short_seq_prob: float = 0.1
    masked_lm_prob: float = 0.15


class TrainingInstance(NamedTuple):
    """Two texts, with some of their pieces masked.

    Attributes:
        tokens: `[CLS]`, the first text, `[SEP]`, the second text, `[SEP]`; some pieces are replaced.
        num_first: the number of tokens up to the first `[SEP]`, included.
        masked_lm_positions: the places of the masked pieces, ascending.
        masked_lm_labels: the pieces that were there.
        is_random_next: True if the second text does not follow the first one.
    """

    tokens: list[str]
    num_first: int
    masked_lm_positions: list[int]
    masked_lm_labels: list[str]
    is_random_next: bool

    @property
    def segment_ids(self) -> list[int]:
        """0 for each token of the first text and its special pieces, and 1 for the others."""
        return [0] * self.num_first + [1] * (len(self.tokens) - self.num_first)


def create_training_instances(
    documents: Sequence[Document], vocab_words: Sequence[str], settings: InstanceSettings, rng: random.Random
) -> list[TrainingInstance]:
    """Makes the instances of all documents, in a random order.

    Args:
        documents: the word pieces of each sentence of each document; none is empty.
        vocab_words: the pieces that may replace others, in the order of the vocabulary.
        settings: how to make instances.
        rng: is drawn from.
    """
    instances = list(unshuffled_instances(documents, vocab_words, settings, rng))
    rng.shuffle(instances)
    return instances


def unshuffled_instances(
    documents: Sequence[Document],
    vocab_words: Sequence[str],
    settings: InstanceSettings,
    rng: random.Random,
    report: Callable[[int], object] = lambda done: None,
) -> Iterator[TrainingInstance]:
    """Yields the instances of `create_training_instances` one by one, before they are shuffled.

    Args:
        documents: as for `create_training_instances`.
        vocab_words: likewise.
        settings: likewise.
        rng: likewise.
        report: is called after each use of a document, with the number of uses until then.
    """
    documents = list(documents)
    rng.shuffle(documents)
    for done in range(settings.dupe_factor * len(documents)):
        index = done % len(documents)
        yield from create_instances_from_document(documents, index, vocab_words, settings, rng)
        report(done + 1)


def create_instances_from_document(
    documents: Sequence[Document],
    document_index: int,
    vocab_words: Sequence[str],
    settings: InstanceSettings,
    rng: random.Random,
) -> list[TrainingInstance]:
    """Makes the instances whose first texts are of one document.

    Args:
        documents: all of them, for random second texts.
        document_index: the document.
        vocab_words: as for `create_training_instances`.
        settings: how to make instances.
        rng: is drawn from.
    """
    document = documents[document_index]
    max_num_tokens = settings.max_seq_length - _NUM_SPECIAL
    target_length = max_num_tokens
    # Some sequences are short, as many texts are in fine-tuning.
    if rng.random() < settings.short_seq_prob:
        target_length = rng.randint(2, max_num_tokens)
    instances = []
    start = 0
    while start < len(document):
        end = _end_of_chunk(document, start, target_length)
        first, second, is_random_next, start = _two_texts(documents, document_index, start, end, target_length, rng)
        first, second = truncate_seq_pair(first, second, max_num_tokens, rng)
        tokens, positions, labels = create_masked_lm_predictions(
            [CLS, *first, SEP, *second, SEP], vocab_words, settings, rng
        )
        instances.append(TrainingInstance(tokens, len(first) + 2, positions, labels, is_random_next))
    return instances


def _end_of_chunk(document: Document, start: int, target_length: int) -> int:
    """Returns the end of the shortest run of sentences with this number of pieces; that of the document if none has."""
    length = 0
    for index in range(start, len(document)):
        length += len(document[index])
        if length >= target_length:
            return index + 1
    return len(document)


def _two_texts(
    documents: Sequence[Document], document_index: int, start: int, end: int, target_length: int, rng: random.Random
) -> tuple[list[str], list[str], bool, int]:
    """Splits a run of sentences into two texts, or takes the second one from a random place.

    Returns:
        The two texts, whether the second one is random, and the sentence with which the next run starts. Sentences that
        a random text replaces are used again.
    """
    document = documents[document_index]
    middle = start + (rng.randint(1, end - start - 1) if end - start >= 2 else 1)
    first = _joined(document[start:middle])
    # The original draws no number where there is no choice.
    if end - start == 1 or rng.random() < 0.5:
        return first, _random_text(documents, document_index, target_length - len(first), rng), True, middle
    return first, _joined(document[middle:end]), False, end


def _random_text(
    documents: Sequence[Document], document_index: int, target_length: int, rng: random.Random
) -> list[str]:
    """Returns sentences from a random place of another document, or of the same one if no other is found."""
    for _ in range(_TRIES):
        other = rng.randint(0, len(documents) - 1)
        if other != document_index:
            break
    document = documents[other]
    start = rng.randint(0, len(document) - 1)
    return _joined(document[start : _end_of_chunk(document, start, target_length)])


def _joined(sentences: Document) -> list[str]:
    return [piece for sentence in sentences for piece in sentence]


def truncate_seq_pair(
    first: Sequence[str], second: Sequence[str], max_num_tokens: int, rng: random.Random
) -> tuple[Sequence[str], Sequence[str]]:
    """Drops pieces of the longer text, one by one from a random end, until both together are not too long.

    Example:
        >>> truncate_seq_pair([0, 1, 2, 3], [5, 6, 7, 8], 7, random.Random(1))
        ([0, 1, 2, 3], [6, 7, 8])
    """
    # Python moves all of a list to drop its first element.
    starts, ends = [0, 0], [len(first), len(second)]
    lengths = ends.copy()
    while sum(lengths) > max_num_tokens:
        longer = 0 if lengths[0] > lengths[1] else 1
        if rng.random() < 0.5:
            starts[longer] += 1
        else:
            ends[longer] -= 1
        lengths[longer] -= 1
    return first[starts[0] : ends[0]], second[starts[1] : ends[1]]


def create_masked_lm_predictions(
    tokens: Sequence[str], vocab_words: Sequence[str], settings: InstanceSettings, rng: random.Random
) -> tuple[list[str], list[int], list[str]]:
    """Masks some pieces of a sequence: 80% of them become `[MASK]`, 10% a random piece, and 10% stay.

    Args:
        tokens: with `[CLS]` and `[SEP]`, which are never masked.
        vocab_words: as for `create_training_instances`.
        settings: how many pieces to mask.
        rng: is drawn from.

    Returns:
        The tokens after that, the places of the masked ones, ascending, and the pieces that were there.
    """
    candidates = _candidates(tokens, settings.do_whole_word_mask)
    rng.shuffle(candidates)
    number = min(settings.max_predictions_per_seq, max(1, round(len(tokens) * settings.masked_lm_prob)))
    masked, positions = list(tokens), []
    for candidate in candidates:
        if len(positions) >= number:
            break
        # A word that is too long is left out, and a shorter one may follow.
        if len(positions) + len(candidate) <= number:
            for position in candidate:
                masked[position] = _masked(tokens[position], vocab_words, rng)
            positions.extend(candidate)
    positions.sort()
    return masked, positions, [tokens[position] for position in positions]


def _candidates(tokens: Sequence[str], do_whole_word_mask: bool) -> list[list[int]]:
    """Returns the places that are masked together: those of each piece, or of each word."""
    candidates = []
    for position, token in enumerate(tokens):
        if token in (CLS, SEP):
            continue
        # As in the original, pieces whose word began before the sequence, or before [SEP], go with the word before.
        if do_whole_word_mask and candidates and token.startswith("##"):
            candidates[-1].append(position)
        else:
            candidates.append([position])
    return candidates


def _masked(token: str, vocab_words: Sequence[str], rng: random.Random) -> str:
    if rng.random() < 0.8:
        return MASK
    if rng.random() < 0.5:
        return token
    return vocab_words[rng.randint(0, len(vocab_words) - 1)]
