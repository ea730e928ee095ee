"""Answers from logits, against the files that the original wrote for the same logits."""

import dataclasses
import functools
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from support.paths import GOLDEN

from bert_tf.data.squad_examples import Document, SquadExample, read_squad_examples
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.data.vocabulary import load_vocab
from bert_tf.data.windows import convert_examples_to_features
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
INV_VOCAB = {index: piece for piece, index in load_vocab(SQUAD / "inputs/vocab.txt").items()}
# The golden logits, the version of the data, and doc_stride; max_seq_length is 96 and max_query_length 24.
LOGITS = {"L1": (11, 32), "L5": (11, 128), "L6": (20, 128)}
# n_best_size and max_answer_length.
OUTPUTS = {"L1_1": (3, 8), "L1_2": (1, 1), "L5_0": (20, 30), "L5_1": (7, 30), "L6_0": (20, 30)}
# A file in which all contexts are empty has no windows, and is refused before.
PREDICTIONS = [
    case
    for case in json.loads((SQUAD / "edge_cases/run_squad.json").read_text())
    if case["kind"] == "predict" and "context" not in case["case"]
]


@functools.cache
def golden_questions(name: str):
    """The examples, and of each its windows with their logits."""
    version, stride = LOGITS[name]
    logits = np.load(SQUAD / f"squad_predictions/{name}_logits.npz")
    starts, ends = (np.float32(logits[key] * logits["scale"]) for key in ("start", "end"))
    examples = read_squad_examples(SQUAD / f"inputs/squad{version}_dev.json", False, version == 20).examples
    features = convert_examples_to_features(examples, tokenizer(), 96, stride, 24, is_training=False)
    questions = [(example, []) for example in examples[: features.example_index[len(starts) - 1] + 1]]
    for row in range(len(starts)):
        window = features.window(row)
        questions[window.example_index][1].append((window, starts[row], ends[row]))
    return questions


@functools.cache
def tokenizer() -> FullTokenizer:
    return FullTokenizer(SQUAD / "inputs/vocab.txt", do_lower_case=True)


def question(qas_id: str, answers: tuple[str, ...] = ()) -> SquadExample:
    return SquadExample(qas_id, "Who lit it?", Document.of(""), answers=answers)


def unzipped(name: str) -> str:
    return gzip.decompress((SQUAD / name).read_bytes()).decode()


def answer_all(name: str, settings: AnswerSettings):
    questions = golden_questions(name)
    return [example for example, _ in questions], [find_answer(*pair, INV_VOCAB, settings) for pair in questions]


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
def test_with_few_candidates_a_question_has_no_answer_where_the_original_stops(n_best_size, max_answer_length):
    settings = AnswerSettings(n_best_size, max_answer_length, version_2_with_negative=True)
    cases = json.loads(unzipped("squad_predictions/L6_one_by_one.json.gz"))
    cases = cases[f"n_best_size={n_best_size},max_answer_length={max_answer_length}"]
    stopped = 0
    for example, answer in zip(*answer_all("L6", settings), strict=True):
        case = cases[example.qas_id]
        if "error" in case:
            (candidate,) = answer.nbest
            assert answer.text == candidate.text == "" and answer.probability == 1.0
            assert answer.score_diff == candidate.start_logit + candidate.end_logit
            stopped += 1
        else:
            assert (answer.text, answer.score_diff) == (case["prediction"], case["null_odds"])
    assert stopped > 30


@pytest.mark.parametrize("case", PREDICTIONS, ids=lambda case: case["case"])
def test_edge_cases_with_all_logits_0_give_what_the_original_gave(case, tmp_path):
    (tmp_path / "dev.json").write_text(json.dumps(case["input"]))
    sizes = {"L": 32, "S": 8, "Qn": 8, "n": 20, "m": 30, **case["settings"]}
    settings = AnswerSettings(sizes["n"], sizes["m"], case["version_2_with_negative"])
    examples = read_squad_examples(tmp_path / "dev.json", False, settings.version_2_with_negative).examples
    features = convert_examples_to_features(examples, tokenizer(), sizes["L"], sizes["S"], sizes["Qn"], False)
    windows, logits = list(map(features.window, range(len(features)))), np.zeros(sizes["L"], np.float32)
    answers = []
    for index, example in enumerate(examples):
        rows = [(window, logits, logits) for window in windows if window.example_index == index]
        answers.append(find_answer(example, rows, INV_VOCAB, settings))
    files = {name: json.loads(content) for name, content in contents(answers, examples, settings).items()}
    if "error" in case:
        assert files["predictions.json"] == {"q1": ""}
    else:
        expected = {name: value for name, value in case["result"].items() if value}
        assert {
            name.removesuffix("_predictions.json").removesuffix(".json"): v for name, v in files.items()
        } == expected


def test_the_threshold_decides_between_the_best_text_and_no_answer():
    settings = AnswerSettings(version_2_with_negative=True)
    asked = golden_questions("L6")[0]
    before = find_answer(*asked, INV_VOCAB, settings)
    texts = []
    for threshold in (before.score_diff, np.nextafter(before.score_diff, -np.inf)):
        changed = dataclasses.replace(settings, null_score_diff_threshold=float(threshold))
        texts.append(find_answer(*asked, INV_VOCAB, changed).text)
    assert texts == [before.best_text, ""]


def test_logits_of_the_real_positions_are_enough():
    settings = AnswerSettings()
    for example, rows in golden_questions("L5"):
        # Padding that is never among the best, as if it were not there.
        ends = [window.first + len(window.pieces) + 1 for window, *_ in rows]
        cut = [(window, s[:end], e[:end]) for (window, s, e), end in zip(rows, ends, strict=True)]
        low = [
            (window, *(np.where(np.arange(96) < end, x, -1e9) for x in pair))
            for (window, *pair), end in zip(rows, ends, strict=True)
        ]
        assert find_answer(example, cut, INV_VOCAB, settings) == find_answer(example, low, INV_VOCAB, settings)


@pytest.mark.parametrize("logits", LOGITS)
def test_the_span_is_the_answer_in_the_context(logits):
    settings = AnswerSettings(version_2_with_negative=LOGITS[logits][0] == 20)
    with_other_spaces = 0
    for example, answer in zip(*answer_all(logits, settings), strict=True):
        if answer.text:
            found = example.document.context[slice(*answer.span)]
            assert found.split() == answer.text.split()
            with_other_spaces += found != answer.text
        else:
            assert answer.span is None
    assert with_other_spaces


def answers_of_all_spans(context: str, settings: AnswerSettings) -> dict[tuple[int, int], SpanAnswer]:
    """The answer for logits that point to each span of pieces, by its first and last piece."""
    example = SquadExample("q", "who ?", Document.of(context))
    exact = {"with_places": settings.exact_answer_text}
    features = convert_examples_to_features([example], tokenizer(), 96, 32, 24, is_training=False, **exact)
    window = features.window(0)
    found = {}
    for first in range(len(window.pieces)):
        for last in range(first, len(window.pieces)):
            start, end = np.full((2, 96), -9.0)
            start[window.first + first] = end[window.first + last] = 9.0
            found[first, last] = find_answer(example, [(window, start, end)], INV_VOCAB, settings)
    return found


def test_an_exact_text_is_the_characters_of_the_answer_s_pieces():
    context = "In  \u0130stanbul(1895),\u4eac\u90fd\u5927\u5b66\u3002 \uac00\uac01 Caf\u00e9s!"
    words = context.split()
    exact = answers_of_all_spans(context, AnswerSettings(exact_answer_text=True))
    texts = {answer.text for answer in exact.values()}
    assert {"\u0130stanbul", "1895", "\u90fd", "\u5927\u5b66\u3002", "\uac00\uac01 Caf\u00e9s"} <= texts
    for (first, last), answer in exact.items():
        assert answer.text and answer.text in " ".join(words)
        assert " ".join(context[slice(*answer.span)].split()) == answer.text
        # A longer span has a longer text, except for the pieces of one character, such as those of a Korean syllable.
        if first < last:
            shorter = exact[first, last - 1]
            assert answer.span[0] == shorter.span[0] and answer.span[1] >= shorter.span[1]
    like_the_original = {answer.text for answer in answers_of_all_spans(context, AnswerSettings()).values()}
    assert words[1] in like_the_original and "\u90fd" not in like_the_original


def test_exact_texts_are_the_original_s_where_it_finds_them():
    context = "The lamp (made by Ann Lee, 1895) burned oil; it cost $3.50, said the Smiths' son."
    ours, originals = (
        answers_of_all_spans(context, AnswerSettings(exact_answer_text=exact)) for exact in (True, False)
    )
    assert len(ours) > 300
    agreement = [ours[span].text == originals[span].text for span in ours]
    # The original takes the words as a whole where a span ends within a word, if its pieces come earlier, too.
    assert np.mean(agreement) > 0.9


# A paragraph in Chinese, where a sentence is one doc token, and an answer a part of it.
MILL = "奥斯克的磨坊建于1811年,由两兄弟建造。安娜·李买下了它,并在那里烤面包(每天300个)。"
MILL_QUESTIONS = {
    "谁买下了磨坊?": "安娜·李",
    "磨坊建于哪年?": "1811年",
    "每天烤多少面包?": "300个",
    "谁建造了磨坊?": "两兄弟",
}


def chinese_answers(folder: Path, context: str, max_seq_length: int, exact: bool) -> list[str]:
    """The answers to the questions for logits that point to the places that training learns."""
    questions = [
        {"id": question, "question": question, "answers": [{"text": answer, "answer_start": context.index(answer)}]}
        for question, answer in MILL_QUESTIONS.items()
    ]
    file = folder / "train.json"
    file.write_text(json.dumps({"data": [{"paragraphs": [{"context": context, "qas": questions}]}]}))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "1811", "300", *sorted(set(MILL) | set("".join(MILL_QUESTIONS)))]
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    chinese = FullTokenizer(folder / "vocab.txt", do_lower_case=True)
    examples = read_squad_examples(file, True, False).examples
    features = convert_examples_to_features(
        examples, chinese, max_seq_length, 8, 12, is_training=True, pad_to_max_length=False, with_places=exact
    )
    windows = {example: [] for example in range(len(examples))}
    for row, (start, end) in enumerate(features.targets["ends"].numpy()):
        logits = np.zeros([2, features.lengths[row]])
        if end:
            logits[0, start] = logits[1, end] = 9.0
        windows[features.example_index[row]].append((features.window(row), *logits))
    settings = AnswerSettings(exact_answer_text=exact)
    return [find_answer(examples[number], rows, chinese.inv_vocab, settings).text for number, rows in windows.items()]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("max_seq_length", [384, 40])
def test_answers_in_chinese_are_learned_and_found_character_by_character(tmp_path, max_seq_length, exact):
    assert chinese_answers(tmp_path, MILL, max_seq_length, exact) == list(MILL_QUESTIONS.values())


def test_an_ideographic_space_makes_the_original_take_the_whole_sentence(tmp_path):
    context = MILL.replace("。", "。\u3000", 1)
    assert chinese_answers(tmp_path, context, 384, exact=False) == [context] * len(MILL_QUESTIONS)
    assert chinese_answers(tmp_path, context, 384, exact=True) == list(MILL_QUESTIONS.values())


def test_a_document_without_pieces_has_the_original_s_word_for_nothing_or_no_answer():
    nothing = question("q")
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
    files = prediction_files(answers, list(map(question, "qrq")), settings)
    assert json.loads("\n".join(files["predictions.json"])) == {"q": "c", "r": "b"}


def test_no_questions_give_empty_objects():
    assert contents([], [], AnswerSettings()) == {"predictions.json": "{}\n", "nbest_predictions.json": "{}\n"}


def test_the_lines_of_an_evaluation_keep_odd_texts_in_their_cells():
    answer = SpanAnswer('a\t"b"\n\u2028\ud800', (Candidate('a\t"b"\n\u2028\ud800', 0.25, 0.0, 0.0),), None)
    example = question("id\t1\n", ("caf\u00e9", "\n"))
    lines = list(evaluation_lines([answer], [example], [QuestionScore(0.0, 0.5)]))
    assert lines[0].split("\t") == ["guid", "exact_match", "f1", "probability", "prediction", "answers"]
    guid, *numbers, prediction, answers = lines[1].split("\t")
    assert guid == "id 1" and numbers == ["0.0", "0.5", "0.25"]
    assert json.loads(prediction) == answer.text and json.loads(answers) == list(example.answers)
    assert len("\n".join(lines).splitlines()) == 2
