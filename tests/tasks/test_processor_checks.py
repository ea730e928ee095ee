"""Processors that users write: a slip is one line before anything is computed."""

import numpy as np
import pytest

from bert_tf.data.examples import InputExample
from bert_tf.data.processors import ColaProcessor, DataProcessor, MrpcProcessor
from bert_tf.data.tsv import TsvFile
from bert_tf.errors import UserError
from bert_tf.tasks.classification import ClassificationTask


class Reviews(DataProcessor):
    """A processor with examples of its own, for all splits."""

    labels = ("0", "1")
    examples = (InputExample("1", "A cat .", None, "0"),)

    def get_train_examples(self, data_dir):
        return self.examples

    get_dev_examples = get_test_examples = get_train_examples


def reviews(**attributes) -> DataProcessor:
    return type("Reviews", (Reviews,), attributes)()


def error_of(processor, split: str = "train") -> str:
    with pytest.raises(UserError) as caught:
        ClassificationTask("reviews", processor).read(split, "data")
    message = str(caught.value)
    assert "\n" not in message and message.startswith("Reviews")
    return message.removeprefix("Reviews")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"labels": (0, 1)}, ": the label 0 (int) is not a str; write '0'"),
        ({"labels": ("0", None)}, ": the label None (NoneType) is not a str; write 'None'"),
        ({"labels": ("0", "1", "0")}, ": the label '0' is there twice; list each label once"),
        ({"labels": ()}, ": has 0 labels, but at least 2 are needed; set labels, or override get_labels"),
        ({"labels": ("0",)}, ": has 1 label, but at least 2 are needed; set labels, or override get_labels"),
        ({"labels": ("0", "a\nb")}, ": the label 'a\\nb' is empty, or has a tab or a line end; name it otherwise"),
        ({"labels": ("0", "")}, ": the label '' is empty, or has a tab or a line end; name it otherwise"),
        ({"labels": ("0", "\ud83d")}, ": the label '\\ud83d' has half of a surrogate pair"),
        ({"labels": {"0", "1"}}, "(set) is not a list; write a tuple"),
        ({"labels": "01"}, ".labels: '01' (str) is not a list; write a tuple"),
        ({"get_labels": lambda self: "01"}, ".get_labels: '01' (str) is not a list; return a list"),
        ({"get_labels": lambda self: {"0", "1"}}, "(set) is not a list; return a list"),
        ({"get_labels": lambda self: None}, ".get_labels: None (NoneType) is not a list; return a list"),
        ({"metrics": ("f1")}, ".metrics: 'f1' (str) is not a tuple or list; write metrics = (\"accuracy\",)"),
        (
            {"metrics": ("accuracy", "mcc")},
            ".metrics: 'mcc' is unknown; known: accuracy, auc, f1, macro_f1, matthews, micro_f1",
        ),
        ({"metrics": ([],)}, ".metrics: [] is unknown; known: accuracy, auc, f1"),
        ({"metrics": ("auc", "f1")}, ".metrics: 'auc' comes first, and cannot rank runs; put another one before it"),
        (
            {"metrics": ("f1", "auc"), "labels": ("a", "b", "c")},
            ".metrics: 'auc' is for two labels, and there are 3; leave it out",
        ),
        ({"metrics": ("f1",), "kind": "regression"}, ".metrics: 'f1' is unknown; known: mse, pearson, spearman"),
        ({"metrics": ("mse",), "kind": "regression"}, ".metrics: 'mse' comes first, and cannot rank runs"),
        ({"metrics": ("auc",), "kind": "multi_label"}, "known: macro_f1, micro_f1, subset_accuracy"),
        ({"kind": "ranking"}, "the kind 'ranking' is unknown; known: classification, regression, multi_label"),
        ({"label_aliases": {0: "0"}}, ".label_aliases: the spelling 0 (int) is not a str"),
        ({"metrics": None}, ".metrics: None (NoneType) is not a tuple or list"),
        ({"label_aliases": ("no", "0")}, ".label_aliases: ('no', '0') (tuple) is not a dict"),
        ({"label_aliases": {"no": "2"}}, ".label_aliases: '2' is not a label; the labels are '0', '1'"),
    ],
)
def test_wrong_labels_and_metrics_are_one_line(attributes, message):
    found = error_of(reviews(**attributes))
    assert message in found


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (InputExample("7", "x", None, "zzz"), "example 1 (7): the label 'zzz' (str) is unknown; use one of '0', '1'"),
        (InputExample("7", "x", None, None), "example 1 (7): the label None (NoneType) is unknown"),
        (InputExample("7", "x", None, 1), "example 1 (7): the label 1 (int) is unknown; use one of '0', '1'"),
        (InputExample("7", "x", None, ["1"]), "example 1 (7): the label ['1'] (list) is unknown"),
        (InputExample("7", None, None, "0"), "example 1 (7): text_a is None (NoneType); make it a str"),
        (InputExample("7", float("nan"), None, "0"), "example 1 (7): text_a is nan (float); make it a str"),
        (InputExample("7", b"x", None, "0"), "example 1 (7): text_a is b'x' (bytes); make it a str"),
        (InputExample("7", "x", 3, "0"), "example 1 (7): text_b is 3 (int); make it a str"),
        (InputExample("7", "x", "y", "0"), ": of 1 and 7 one is a pair and one a single text; give all text_b or none"),
        (InputExample("7", "\ud83d", None, "0"), "example 1 (7): text_a has half of a surrogate pair"),
        (InputExample("7\t8", "x", None, "0"), "example 1 (7 8): the guid is empty, or has a tab or a line end"),
        (InputExample("", "x", None, "0"), "example 1 (): the guid is empty"),
        (("7", "x", None, "0"), ": example 1 is ('7', 'x', None, '0') (tuple); make it an InputExample"),
        (InputExample, ": example 1 is the class InputExample; make it an InputExample"),
    ],
)
def test_a_wrong_example_is_one_line_with_its_number_and_guid(example, message):
    assert message in error_of(reviews(examples=[*Reviews.examples, example]))


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([], ".get_train_examples: returned no examples; check data_dir"),
        (None, ".get_train_examples: None (NoneType) is not a list; return a list"),
        ("no", ".get_train_examples: 'no' (str) is not a list; return a list"),
    ],
)
def test_no_examples_are_one_line(examples, message):
    assert error_of(reviews(examples=examples)) == message


def test_an_exception_in_own_code_is_one_line_with_its_place_and_keeps_its_cause():
    class Reviews(DataProcessor):
        labels = ("0", "1")

        def get_train_examples(self, data_dir):
            return int("seven")

    with pytest.raises(UserError) as caught:
        ClassificationTask("reviews", Reviews()).read("train", "data")
    line = Reviews.get_train_examples.__code__.co_firstlineno + 1
    reason = "ValueError: invalid literal for int() with base 10: 'seven'"
    assert str(caught.value) == f"Reviews.get_train_examples: {reason} ({__file__}:{line})"
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_exception_below_own_code_has_the_place_in_the_own_code(tmp_path):
    message = error_of(reviews(get_train_examples=lambda self, data_dir: np.load(tmp_path / "gone.npy")))
    assert message.startswith(".get_train_examples: FileNotFoundError: ") and f"({__file__}:" in message


def test_a_method_with_wrong_arguments_is_one_line():
    message = error_of(reviews(get_train_examples=lambda self: []))
    assert message.startswith(".get_train_examples: TypeError: ")
    assert message.endswith("2 were given (called with wrong arguments)")


def test_what_is_no_processor_is_one_line():
    with pytest.raises(UserError, match=r"the class Reviews is not a DataProcessor; pass an object, Reviews\(\)"):
        ClassificationTask("reviews", Reviews)
    with pytest.raises(UserError, match=r"\(str\) is not a DataProcessor; derive its class from DataProcessor"):
        ClassificationTask("reviews", "MRPC")


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (None, ": the task has no training set; run without --do_train"),
        ("train.tsv", ": the training set is 'train.tsv'; describe the file with TsvFile(...)"),
    ],
)
def test_a_file_that_is_not_described_is_one_line(train, message):
    class Reviews(DataProcessor):
        labels = ("0", "1")

    Reviews.train = train
    assert error_of(Reviews()) == message


def test_a_column_that_is_no_number_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"TsvFile\('train.tsv'\): label is '1'; columns are numbers, the first is 0"):
        TsvFile("train.tsv", text_a=0, label="1").load(tmp_path)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"text_a": "text"}, "text_a is 'text'; columns are numbers"),
        ({"columns": "3"}, "columns is '3'; columns are numbers"),
        ({"first_number": "1"}, "first_number is '1'; columns are numbers"),
        ({"header": "no"}, "header is 'no'; True or False is needed"),
        ({"quoted": "yes"}, "quoted is 'yes'; True, False or None is needed"),
        ({"only": 3}, r"only is 3; write a column and a text, as \(0, 'en'\)"),
        ({"only": (0, 1)}, r"only is \(0, 1\); write a column and a text"),
    ],
)
def test_a_file_that_is_described_with_wrong_types_is_one_line(tmp_path, fields, problem):
    with pytest.raises(UserError, match=rf"^TsvFile\('train.tsv'\): {problem}"):
        TsvFile("train.tsv", **{"text_a": 0} | fields).load(tmp_path)


def test_columns_may_be_numbers_of_numpy_and_count_from_the_end(tmp_path):
    (tmp_path / "train.tsv").write_text("label\ttext\n1\tIt rains .\n")
    file = TsvFile("train.tsv", text_a=np.int64(-1), label=-2)
    assert [row.fields[-1] for _, row in file.read(tmp_path)] == ["It rains ."]
    with pytest.raises(UserError, match=r"train.tsv:2: the row has 2 columns, but at least 3 are needed"):
        TsvFile("train.tsv", text_a=-3, label=1).load(tmp_path)


def test_a_training_set_without_labels_is_one_line():
    file = TsvFile("train.tsv", text_a=0)
    processor = type("Reviews", (DataProcessor,), {"labels": ("0", "1"), "train": file, "dev": file})()
    assert error_of(processor) == ": the training set has no label column; write TsvFile(..., label=COLUMN)"
    assert error_of(processor, "dev").startswith(": the development set has no label column")


def test_examples_of_an_own_class_get_their_guids():
    class Review(InputExample):
        def __init__(self, text):
            super().__init__(None, text, None, "0")

    found = ClassificationTask("reviews", reviews(examples=[Review("x"), Review("y")])).read("train", "data")
    assert [example.guid for example in found] == ["train-0", "train-1"]


def test_splits_are_all_pairs_or_all_single_texts():
    pairs = reviews(get_dev_examples=lambda self, data_dir: [InputExample("1", "x", "y", "0")])
    task = ClassificationTask("reviews", pairs)
    task.read("train", "data")
    with pytest.raises(UserError, match="Reviews: train has single texts, dev has pairs; give all splits text_b or"):
        task.read("dev", "data")


def test_sensible_variations_are_taken():
    examples = (InputExample(guid, "x", None, np.str_("1")) for guid in (None, 7, "a"))
    processor = reviews(get_labels=lambda self: np.array(["0", "1"]), examples=examples, metrics=["f1"])
    found = ClassificationTask("reviews", processor).read("train", "data")
    assert [(each.guid, each.label) for each in found] == [("train-0", "1"), ("7", "1"), ("a", "1")]


@pytest.mark.parametrize("label", [None, "-1", 0])
def test_labels_of_a_test_set_have_no_meaning(label):
    processor = reviews(examples=[InputExample("1", "x", None, label), InputExample("2", "x", None, "1")])
    found = ClassificationTask("reviews", processor).read("test", "data")
    assert [each.label for each in found] == ["0", "1"]


def test_the_tasks_of_the_original_pass():
    for processor in (ColaProcessor(), MrpcProcessor()):
        assert ClassificationTask("task", processor).labels == ["0", "1"]
