import csv
import io
import json

import pytest

from bert_tf.data.text_rows import TextRow, plain_row
from bert_tf.serving.answer_forms import TableStyle
from bert_tf.serving.answers import make_writer, sentence
from bert_tf.serving.predictions import LabelsPrediction, NumberPrediction, Prediction

GOOD = Prediction("good", {"bad": 0.07078765332698822, "good": 0.9292123913764954})
TAGS = LabelsPrediction(("short", "funny"), {"short": 0.75, "funny": 0.5, "sad": 0.25})


def written(form: str, row: TextRow, prediction: object, labels: tuple = (), style: TableStyle | None = None) -> str:
    stream = io.StringIO()
    writer = make_writer(form, stream, labels, style)
    writer.write([row], [prediction])
    writer.write([], [])
    return stream.getvalue()


@pytest.mark.parametrize(
    ("form", "prediction", "labels", "content"),
    [
        ("text", GOOD, ("bad", "good"), "good (good: 0.9292, bad: 0.0708)\n"),
        (
            "csv",
            GOOD,
            ("bad", "good"),
            "text,prediction,probability_bad,probability_good\na,good,0.07078765,0.9292124\n",
        ),
        ("tsv", NumberPrediction(2.5), (), "text\tprediction\na\t2.5\n"),
        (
            "csv",
            TAGS,
            ("short", "funny", "sad"),
            'text,prediction,probability_short,probability_funny,probability_sad\na,"short,funny",0.75,0.5,0.25\n',
        ),
        ("csv", LabelsPrediction((), {"a,b": 0.25}), ("a,b",), 'text,prediction,"probability_a,b"\na,,0.25\n'),
    ],
)
def test_each_kind_of_answer_is_written_in_each_form(form, prediction, labels, content):
    assert written(form, plain_row("x", ["a"]), prediction, labels) == content


@pytest.mark.parametrize(
    ("prediction", "added"),
    [
        (GOOD, {"prediction": "good", "probabilities": {"bad": 0.07078765, "good": 0.9292124}}),
        (NumberPrediction(2.5), {"prediction": 2.5}),
        (TAGS, {"prediction": ["short", "funny"], "probabilities": {"short": 0.75, "funny": 0.5, "sad": 0.25}}),
    ],
)
def test_a_json_object_keeps_its_own_keys_and_gets_the_answer(prediction, added):
    row = TextRow("x:1", "ä", ["text", "id"], ["ä", None])
    line = written("jsonl", row, prediction)
    assert json.loads(line) == {"text": "ä", "id": None, **added} and "ä" in line


def test_half_of_a_surrogate_pair_in_another_cell_is_written_as_an_escape():
    row = TextRow("x:1", "ä", ["text", "id"], ["ä", "\ud800"])
    assert json.loads(written("jsonl", row, NumberPrediction(1.0)).encode())["id"] == "\ud800"


def test_cells_of_a_table_read_as_they_were():
    cells = ['He said "hi" ,', "two\nlines", "", "tab\t"]
    row = TextRow("x:1", cells[0], ["text", "b", "c", "d"], cells)
    for form in ("csv", "tsv"):
        content = written(form, row, NumberPrediction(1.0))
        rows = list(csv.reader(io.StringIO(content), delimiter="," if form == "csv" else "\t"))
        assert rows[1] == [*cells, "1.0"]


def test_double_quotes_that_are_characters_stay_so_unless_a_label_has_a_tab():
    row, raw = TextRow("x:1", '"hi" .', ["text"], ['"hi" .']), TableStyle("\t", is_quoted=False)
    assert written("tsv", row, NumberPrediction(1.0), style=raw) == 'text\tprediction\n"hi" .\t1.0\n'
    with_tab = Prediction("a\tb", {"a\tb": 1.0})
    assert written("tsv", row, with_tab, ("a\tb",), style=raw).endswith('"""hi"" ."\t"a\tb"\t1.0\n')


def test_a_sentence_has_the_five_largest_probabilities_and_stays_on_one_line():
    many = {f"c{number}": number / 21 for number in range(7)}
    assert sentence(Prediction("c6", many)) == (
        "c6 (c6: 0.2857, c5: 0.2381, c4: 0.1905, c3: 0.1429, c2: 0.0952, 2 more)"
    )
    assert sentence(Prediction("a\x1b[31m", {"a\x1b[31m": 1.0})) == r"a\x1b[31m (a\x1b[31m: 1.0000)"
