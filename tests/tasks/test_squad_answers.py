"""Answers from logits, against the files that the original wrote for the same logits."""

import dataclasses
import functools
import gzip
import json
from typing import NamedTuple

import numpy as np
import pytest
from support.paths import GOLDEN

from bert_tf.tasks.squad_answers import (
    AnswerSettings,
    Candidate,
    SpanAnswer,
    evaluation_lines,
    find_answer,
    prediction_files,
)
from bert_tf.tasks.squad_metrics import QuestionScore

SQUAD = GOLDEN / "squad_programs"
VOCAB = (SQUAD / "inputs/vocab.txt").read_text(encoding="utf-8").split("\n")
INV_VOCAB = dict(enumerate(VOCAB))
# The golden logits, the version of the data, and doc_stride; max_seq_length is 96 and max_query_length 24.
LOGITS = {"L1": (11, 32), "L5": (11, 128), "L6": (20, 128)}
# n_best_size and max_answer_length.
OUTPUTS = {"L1_1": (3, 8), "L1_2": (1, 1), "L5_0": (20, 30), "L5_1": (7, 30), "L6_0": (20, 30)}


class Window(NamedTuple):
    example_index: int
    doc_span_index: int
    first: int
    pieces: np.ndarray
    words: np.ndarray
    is_max_context: np.ndarray


@dataclasses.dataclass(frozen=True)
class Question:
    qas_id: str
    doc_tokens: list[str]
    answers: tuple[str, ...] = ()

    @property
    def guid(self):
        return self.qas_id


def unzipped(name: str) -> str:
    return gzip.decompress((SQUAD / name).read_bytes()).decode()


@functools.cache
def golden_questions(name: str):
    """The examples, and of each its windows with their logits."""
    version, stride = LOGITS[name]
    features = np.load(SQUAD / f"squad_features/v{version}_dev_len96_stride{stride}_query24_lower.npz")
    logits = np.load(SQUAD / f"squad_predictions/{name}_logits.npz")
    starts, ends = (np.float32(logits[key] * logits["scale"]) for key in ("start", "end"))
    owners = features["example_index"][: len(starts)]
    windows = [[] for _ in range(owners[-1] + 1)]
    for row, owner in enumerate(owners):
        windows[owner].append((window_of(features, row), starts[row], ends[row]))
    lines = unzipped(f"squad_features/examples_{version}_dev.jsonl.gz").splitlines()[: len(windows)]
    return [Question(line["qas_id"], line["doc_tokens"]) for line in map(json.loads, lines)], windows


def window_of(features, row: int) -> Window:
    words = features["token_to_orig_map"][row]
    here = np.flatnonzero(words >= 0)
    indices = int(features["example_index"][row]), int(features["doc_span_index"][row])
    is_max_context = features["token_is_max_context"][row][here] == 1
    return Window(
        *indices, int(here[0]), features["input_ids"][row][here].astype(np.int32), words[here], is_max_context
    )


def answer_all(name: str, settings: AnswerSettings):
    examples, windows = golden_questions(name)
    return examples, [find_answer(*pair, INV_VOCAB, settings) for pair in zip(examples, windows, strict=True)]


def contents(answers, examples, settings) -> dict[str, str]:
    files = prediction_files(answers, examples, settings)
    return {name: "".join(f"{line}\n" for line in lines) for name, lines in files.items()}


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_files_equal_the_original_s_byte_for_byte(output):
    logits, _ = output.split("_")
    settings = AnswerSettings(*OUTPUTS[output], version_2_with_negative=LOGITS[logits][0] == 20)
    examples, answers = answer_all(logits, settings)
    files = contents(answers, examples, settings)
    assert len(files) == (3 if settings.version_2_with_negative else 2)
    for name, content in files.items():
        assert content == unzipped(f"squad_predictions/{output}_{name}.gz")


@pytest.mark.parametrize(("n_best_size", "max_answer_length"), [(1, 30), (2, 3)])
def test_with_few_candidates_the_best_text_counts_where_the_original_stops(n_best_size, max_answer_length):
    settings = AnswerSettings(n_best_size, max_answer_length, version_2_with_negative=True)
    cases = json.loads(unzipped("squad_predictions/L6_one_by_one.json.gz"))
    cases = cases[f"n_best_size={n_best_size},max_answer_length={max_answer_length}"]
    stopped = 0
    for example, answer in zip(*answer_all("L6", settings), strict=True):
        case = cases[example.qas_id]
        if "error" in case:
            assert [candidate.text for candidate in answer.nbest] == [""]
            assert answer.text == "" or answer.score_diff <= 0
            stopped += 1
        else:
            assert (answer.text, answer.score_diff) == (case["prediction"], case["null_odds"])
    assert stopped > 30


def test_the_threshold_decides_between_the_best_text_and_no_answer():
    settings = AnswerSettings(version_2_with_negative=True)
    examples, windows = golden_questions("L6")
    before = find_answer(examples[0], windows[0], INV_VOCAB, settings)
    texts = []
    for threshold in (before.score_diff, np.nextafter(before.score_diff, -np.inf)):
        changed = dataclasses.replace(settings, null_score_diff_threshold=float(threshold))
        texts.append(find_answer(examples[0], windows[0], INV_VOCAB, changed).text)
    assert texts == [before.best_text, ""]


def test_logits_of_the_real_positions_are_enough():
    settings = AnswerSettings()
    examples, windows = golden_questions("L5")
    for example, rows in zip(examples, windows, strict=True):
        # Padding that is never among the best, as if it were not there.
        ends = [window.first + len(window.pieces) + 1 for window, *_ in rows]
        cut = [(window, s[:end], e[:end]) for (window, s, e), end in zip(rows, ends, strict=True)]
        low = [
            (window, *(np.where(np.arange(96) < end, x, -1e9) for x in pair))
            for (window, *pair), end in zip(rows, ends, strict=True)
        ]
        assert find_answer(example, cut, INV_VOCAB, settings) == find_answer(example, low, INV_VOCAB, settings)


def test_a_document_without_pieces_has_the_original_s_word_for_nothing_or_no_answer():
    nothing = Question("q", [])
    for settings, text, score_diff in (
        (AnswerSettings(), "empty", None),
        (AnswerSettings(version_2_with_negative=True), "", 0.0),
    ):
        answer = find_answer(nothing, [], INV_VOCAB, settings)
        assert answer == SpanAnswer(text, (Candidate(text, 1.0, 0.0, 0.0),), score_diff)
        assert answer.probability == 1.0


def test_the_later_of_two_questions_with_one_id_counts():
    settings = AnswerSettings()
    answers = [SpanAnswer(text, (Candidate(text, 1.0, 0.0, 0.0),), None) for text in "abc"]
    files = prediction_files(answers, [Question("q", []), Question("r", []), Question("q", [])], settings)
    assert json.loads("\n".join(files["predictions.json"])) == {"q": "c", "r": "b"}


def test_no_questions_give_empty_objects():
    assert contents([], [], AnswerSettings()) == {"predictions.json": "{}\n", "nbest_predictions.json": "{}\n"}


def test_the_lines_of_an_evaluation_keep_odd_texts_in_their_cells():
    answer = SpanAnswer('a\t"b"\n\u2028\ud800', (Candidate('a\t"b"\n\u2028\ud800', 0.25, 0.0, 0.0),), None)
    example = dataclasses.replace(Question("id\t1\n", []), answers=("caf\u00e9", "\n"))
    lines = list(evaluation_lines([answer], [example], [QuestionScore(0.0, 0.5)]))
    assert lines[0].split("\t") == ["guid", "exact_match", "f1", "probability", "prediction", "answers"]
    guid, *numbers, prediction, answers = lines[1].split("\t")
    assert guid == "id 1" and numbers == ["0.0", "0.5", "0.25"]
    assert json.loads(prediction) == answer.text and json.loads(answers) == list(example.answers)
    assert len("\n".join(lines).splitlines()) == 2
