import pytest

from bert_tf.report import formatting


@pytest.mark.parametrize(("value", "text"), [(1e-4, "1e-4"), (2.5e-5, "2.5e-5"), (0.01, "0.01"), (None, "none")])
def test_flags_read_as_one_writes_them(value, text):
    assert formatting.flag_text(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "\N{EN DASH}"), (12, "12 s"), (59.9, "1 min 0 s"), (3600, "1 h 0 min")]
)
def test_durations_are_rounded_once(seconds, text):
    assert formatting.duration(seconds) == text


def test_a_long_value_keeps_its_two_ends():
    text = formatting.flag_text("a" * 5_000 + "b" * 5_000)
    assert len(text) < 250 and text.startswith("aaa") and text.endswith("bbb")
