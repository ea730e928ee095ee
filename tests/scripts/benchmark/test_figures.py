import pytest

from figures import OTHERS, markdown, median_of, ratio_of
from machine import describe_machine


def test_a_ratio_is_that_of_medians_and_its_spread_that_of_neighbours():
    ratio = ratio_of("training", "base", "ours / theirs", [2.0, 30.0, 4.0], [1.0, 2.0, 3.0])
    assert ratio.value == 2.0
    assert ratio.values == [2.0, 15.0, pytest.approx(4 / 3)]
    assert ratio.row() == "| training | base | ours / theirs | 2 | 1.333 to 15 |"
    median = median_of("training", "base", "ours", "examples/s", [12.0, 10.0, 11.0])
    assert median.row() == "| training | base | ours | 11 examples/s | 10 to 12 |"


def test_the_report_names_the_machine_and_has_ratios_first():
    figures = [
        median_of("training", "base", "ours", "examples/s", [12.0]),
        ratio_of("training", "base", "ours / theirs", [2.0], [1.0]),
    ]
    facts = {"machine": describe_machine(), "versions": {"tensorflow": "2.20.0"}, "repetitions": 1}
    text = markdown(facts, figures)
    assert text.index("ours / theirs") < text.index("12 examples/s")
    assert facts["machine"]["cpu"] in text
    assert f"{facts['machine']['cores']} cores" in text
    assert "tensorflow 2.20.0" in text


@pytest.mark.parametrize(("percent", "reported"), [(2.0, False), (54.8, True)])
def test_a_machine_that_has_something_else_to_do_is_reported(percent, reported):
    facts = {"machine": describe_machine(), "versions": {}, "repetitions": 1}
    text = markdown(facts, [median_of("training", "base", OTHERS, "%", [percent])])
    assert text.startswith("NOT QUIET: other processes took up to 55%") == reported
