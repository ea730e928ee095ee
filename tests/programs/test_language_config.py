"""The flags of languages, before any file is read."""

import pytest

from bert_tf.errors import UserError
from bert_tf.programs.classifier_config import ClassifierConfig, InMemoryConfig
from bert_tf.training.config import resume_differences, resume_fields


def config(task_name="XNLI", **flags):
    return ClassifierConfig(task_name=task_name, do_train=True, **flags)


def test_the_originals_language_is_the_default_however_it_is_said():
    assert config() == config(train_language="zh", xnli_language=" ZH ")
    assert resume_fields(config())["train_language"] is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [("en", "en"), ("zh,EN", "en,zh"), ("th,ar,th", "ar,th"), ("all", "all")],
)
def test_the_same_languages_have_the_same_value(given, kept):
    assert config(xnli_language=given).xnli_language == kept


def test_all_languages_one_by_one_are_all():
    assert config("pawsx", xnli_language="zh,ko,ja,fr,es,en,de").xnli_language == "all"


def test_a_run_of_an_earlier_version_was_in_chinese():
    earlier = {field: value for field, value in resume_fields(config()).items() if field != "train_language"}
    assert resume_differences(config(train_language="zh", xnli_language="all"), earlier) == []
    assert resume_differences(config(train_language="en"), earlier) == ["train_language was None, is 'en'"]


@pytest.mark.parametrize("flags", [{"train_language": "zh"}, {"xnli_language": "all"}])
def test_other_tasks_and_own_data_have_no_languages(flags):
    field = next(iter(flags))
    message = f"^{field}: only valid for PAWS-X and XNLI$"
    for make in (
        lambda: config("MNLI", **flags),
        lambda: ClassifierConfig(train_file="own.csv", do_train=True, **flags),
        lambda: InMemoryConfig(do_train=True, **flags),
    ):
        with pytest.raises(UserError, match=message):
            make()


def test_an_unknown_language_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"^train_language: is 'sw'; it must be one of de, en, es, fr, ja, ko, zh$"):
        config("PAWS-X", train_language="sw")
