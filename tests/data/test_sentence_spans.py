"""Sentences are cut into rows so that each piece counts once and has its context, whatever the lengths."""

import numpy as np
import pytest

from bert_tf.data.sentence_spans import (
    SentenceRows,
    document_limits,
    fitting_context,
    make_rows,
    place_words,
    sentence_limits,
)


def splits_of(lengths: list[int]) -> np.ndarray:
    return np.cumsum([0, *lengths])


def rows_of(rows: SentenceRows, end: int) -> list[tuple[int, range, range]]:
    """Of each row its sentence, its pieces, and the pieces that count there."""
    ends = [*rows.counted[1:].tolist(), end]
    starts, lengths = rows.start.tolist(), rows.length.tolist()
    pieces = [range(start, start + length) for start, length in zip(starts, lengths, strict=True)]
    return list(zip(rows.sentence.tolist(), pieces, map(range, rows.counted.tolist(), ends), strict=True))


@pytest.mark.parametrize("with_document", [False, True])
def test_each_piece_counts_once_and_has_its_context_whatever_the_lengths(with_document):
    random = np.random.default_rng(0)
    for _ in range(3000):
        room, doc_context = int(random.integers(1, 20)), int(random.integers(0, 25))
        lengths = random.integers(0, random.choice([3, 12, 60]), random.integers(1, 6))
        splits, documents = splits_of(lengths), np.sort(random.integers(0, 3, len(lengths)))
        limits = document_limits(splits, documents) if with_document else sentence_limits(splits)
        rows = rows_of(make_rows(splits, limits, room, doc_context), int(splits[-1]))
        context = fitting_context(doc_context, room)
        assert [piece for _, _, counted in rows for piece in counted] == list(range(splits[-1]))
        for sentence, pieces, counted in rows:
            lower, upper = limits[sentence]
            assert 0 < len(counted) <= len(pieces) == min(room, upper - lower)
            assert lower <= pieces.start <= counted.start and counted.stop <= pieces.stop <= upper
            assert splits[sentence] <= counted.start and counted.stop <= splits[sentence + 1]
            if lengths[sentence] <= room:
                assert len(counted) == lengths[sentence]
                continue
            # At the ends of the sentence, too, if the row may have the sentences around it.
            assert counted.start - pieces.start >= min(context, counted.start - lower)
            assert pieces.stop - counted.stop >= min(context, upper - counted.stop)


def test_a_long_sentence_has_no_more_windows_than_it_needs():
    splits = splits_of([16])
    # Windows of 8: 6 pieces count in the first, 4 in each but the last, and up to 6 in the last.
    rows = rows_of(make_rows(splits, sentence_limits(splits), room=8, doc_context=2), 16)
    assert [(pieces, counted) for _, pieces, counted in rows] == [
        (range(8), range(6)),
        (range(4, 12), range(6, 10)),
        (range(8, 16), range(10, 16)),
    ]


def test_a_short_sentence_is_in_the_middle_of_its_document():
    splits = splits_of([10, 4, 10])
    rows = make_rows(splits, document_limits(splits, np.zeros(3)), room=8, doc_context=2)
    (middle,) = [pieces for sentence, pieces, _ in rows_of(rows, 24) if sentence == 1]
    assert middle == range(8, 16)


@pytest.mark.parametrize(("documents", "expected"), [([0, 0, 1], range(6)), ([0, 1, 1], range(4, 12))])
def test_the_room_that_one_side_cannot_use_goes_to_the_other(documents, expected):
    splits = splits_of([4, 2, 9])
    rows = make_rows(splits, document_limits(splits, np.array(documents)), room=8, doc_context=2)
    (middle,) = [pieces for sentence, pieces, _ in rows_of(rows, 15) if sentence == 1]
    assert middle == expected


@pytest.mark.parametrize("room", [1, 2, 3, 5, 126])
def test_at_least_a_third_of_each_window_counts_however_large_the_context_is_to_be(room):
    context = fitting_context(10**6, room)
    assert context == room // 3 and fitting_context(context // 2, room) == context // 2
    splits = splits_of([3 * room])
    assert len(make_rows(splits, sentence_limits(splits), room, 10**6).start) <= 7


def test_a_row_in_which_no_word_begins_is_left_out():
    splits = splits_of([30])
    rows = make_rows(splits, sentence_limits(splits), room=8, doc_context=0)
    kept, places = place_words(rows, np.array([0, 3, 29]), np.array([0, 1, 2]))
    assert rows.start.tolist() == [0, 8, 16, 22]
    assert kept.start.tolist() == [0, 22]
    assert [column.tolist() for column in places] == [[0, 0, 1], [1, 4, 8], [0, 1, 2]]
