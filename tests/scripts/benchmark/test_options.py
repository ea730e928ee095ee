import pytest
from absl import flags

from bert_tf.errors import UserError
from comparisons import MODELS
from options import default_data_dir, define_flags, options_from_flags
from sections import SECTIONS


def options(*arguments: str):
    values = flags.FlagValues()
    define_flags(values)
    values(["benchmark", *arguments])
    return options_from_flags(values)


def test_everything_is_measured_unless_a_flag_says_otherwise():
    assert (options().models, options().sections) == (list(MODELS), list(SECTIONS))
    assert options("--sections=start,input").sections == ["start", "input"]


def test_the_default_corpus_is_that_of_run_classifier():
    assert (default_data_dir() / "train.tsv").is_file()


def test_the_folder_of_the_output_is_made(tmp_path):
    assert options(f"--output={tmp_path / 'new' / 'b.json'}").output.parent.is_dir()


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--models=huge", "models: 'huge' is unknown; known: base, small"),
        ("--models=", "models: '' is unknown; known: base, small"),
        ("--sections=training,inferense", "sections: 'inferense' is unknown; known: training,"),
        ("--data_dir=nowhere", "data_dir: nowhere: there is no such folder"),
        ("--sst2=nowhere.tsv", "sst2: nowhere.tsv: there is no such file"),
        ("--output=.", "output: .: is a folder; name a file"),
        ("--output=/dev/null/b.json", "output: /dev/null: cannot be written to: "),
    ],
)
def test_a_mistake_in_a_flag_is_reported(flag, message):
    with pytest.raises(UserError) as error:
        options(flag)
    assert str(error.value).startswith(message)


def test_a_number_of_repetitions_below_1_is_refused():
    with pytest.raises(flags.IllegalFlagValueError):
        options("--repetitions=0")
