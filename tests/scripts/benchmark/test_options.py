import pytest

from bert_tf.errors import UserError
from comparisons import MODELS
from options import parse
from sections import SECTIONS


def test_everything_is_measured_unless_told_otherwise():
    options = parse([], "")
    assert (options.models, options.sections) == (list(MODELS), list(SECTIONS))
    assert options.data_dir.is_dir()


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--models=huge", "models: 'huge' is unknown; known: base, small"),
        ("--sections=training,inferense", "sections: 'inferense' is unknown; known: training,"),
        ("--repetitions=0", "repetitions: 0 is not a whole number of at least 1"),
        ("--sst2=nowhere.tsv", "sst2: nowhere.tsv: there is no such file"),
        ("--output=nowhere/b.json", "output: nowhere: there is no such folder"),
    ],
)
def test_a_mistake_in_a_flag_is_reported(flag, message):
    with pytest.raises(UserError) as error:
        parse([flag], "")
    assert str(error.value).startswith(message)
