import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from support.synthetic_runs import (
    LABELS,
    draw_probabilities,
    edit_results,
    write_numbers_run,
    write_regression_run,
    write_run,
    write_scored_run,
)

from bert_tf.report import curves, plots
from bert_tf.report.calibration import reliability
from bert_tf.report.comparison import compare
from bert_tf.report.predictions import ClassPredictions, NumberPredictions
from bert_tf.report.runs import read_runs

MODEL = "$x^<script>$ & 漢字"


def parse(figure):
    return ElementTree.fromstring(figure.replace("xlink:href", "href"))  # noqa: S314  # our own output


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for model in (MODEL, "other"):
        for seed in range(2):
            write_run(folder / f"{seed}{len(model)}", draw_probabilities(LABELS, 0.8, seed), seed=seed, model=model)
    return study_of(folder)


def study_of(folder):
    (study,) = compare(read_runs([folder]))
    return study


@pytest.fixture(scope="module")
def figures(study):
    diagram = reliability(np.array([0.6, 0.7, 0.95]), np.array([1, 0, 1]))
    return [
        curves.losses(study.configurations[0], study, "a"),
        plots.scores_by_configuration(study, "b"),
        plots.score_by_time(study, "c"),
        plots.reliability_diagram(diagram, ClassPredictions, "d"),
    ]


def test_each_figure_is_one_element_with_a_description(figures):
    for figure in figures:
        root = parse(figure)
        assert root.tag == "svg" and root.get("role") == "img"
        assert len(root.get("aria-label")) > 40


def test_no_id_stands_twice_on_a_page_and_all_references_lead_somewhere(figures):
    page = "".join(figures)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', page)) <= set(ids)


def test_figures_bring_no_style_for_the_page_no_font_and_no_fixed_color(figures):
    for figure in figures:
        assert "<style" not in figure and "<metadata" not in figure and "font-family" not in figure
        assert not re.findall(r"#[0-9a-f]{6}\b", figure)
        assert "var(--accent)" in figure


def test_names_from_flags_stay_text(figures):
    assert "<script" not in "".join(figures)
    root = parse(figures[1])
    assert any(MODEL in (element.text or "") for element in root.iter("text"))


def test_the_description_of_a_figure_has_its_numbers(study, figures):
    for configuration in study.configurations:
        assert f"{100 * configuration.runs[0].results['eval_accuracy']:.1f}" in figures[1]
        assert f"{100 * configuration.score:.1f} %" in figures[2]


def test_the_axes_are_in_percent(study, figures):
    texts = [element.text for element in parse(figures[1]).iter("text")]
    assert "dev accuracy, %" in texts
    ticks = [float(text) for text in texts if text.isdigit()]
    assert min(ticks) < 100 * study.best.score <= max(ticks)


def test_runs_without_logs_or_times_have_no_such_figure(tmp_path):
    folder = write_run(tmp_path / "run", draw_probabilities(LABELS, 0.8, 0), results={"train_runtime": None})
    (folder / "train_log.csv").unlink()
    study = study_of(tmp_path)
    assert curves.losses(study.configurations[0], study, "a") is None
    assert plots.score_by_time(study, "b") is None


def test_the_figures_of_a_regression_have_its_headline_in_plain_numbers(tmp_path):
    for rate, error in ((1e-5, 0.5), (2e-5, 1.5)):
        write_regression_run(tmp_path / str(rate), error, 0, learning_rate=rate)
    study = study_of(tmp_path)
    for figure in (plots.scores_by_configuration(study, "a"), plots.score_by_time(study, "b")):
        texts = [element.text for element in parse(figure).iter("text")]
        assert "dev Pearson correlation" in texts
        assert f"{study.best.score:.3f}" in figure and "%" not in figure


def test_losses_and_times_of_zero_are_drawn_without_a_warning(tmp_path, recwarn):
    for rate in (1e-5, 2e-5):
        folder = write_regression_run(tmp_path / str(rate), 0.5, 0, learning_rate=rate)
        (folder / "train_log.csv").write_text("step,loss\n30,0\n")
        edit_results(folder, train_runtime=0)
    study = study_of(tmp_path)
    assert curves.losses(study.configurations[0], study, "a")
    assert plots.score_by_time(study, "b")
    assert not list(recwarn)


def test_a_long_name_of_a_headline_is_shortened(tmp_path):
    name = "eval_" + "k" * 150
    write_scored_run(tmp_path / "run", [1.0, 0.5], results={"headline": name, name: 0.75})
    study = study_of(tmp_path)
    texts = [element.text for element in parse(plots.scores_by_configuration(study, "a")).iter("text")]
    assert any("dev eval_kkk" in text and len(text) < 60 for text in texts)


def markers(figure, color):
    """The places of the markers of a color, and the size of each."""
    sizes = {
        name: np.abs(np.array(re.findall(r"-?[\d.]+", outline), float)).max()
        for name, outline in re.findall(r'<path id="([^"]+)" d="(M [^"]+)"', figure)
    }
    uses = re.findall(r'<use [^>]*href="#([^"]+)" x="([\d.]+)" y="([\d.]+)"[^>]*' + re.escape(color), figure)
    return [(float(x), float(y)) for _, x, y in uses], [sizes[name] for name, _, _ in uses]


def test_seeds_with_the_same_score_do_not_hide_one_another_and_collapsed_runs_stand_out(tmp_path):
    for seed in range(3):
        write_run(tmp_path / str(seed), draw_probabilities(LABELS, 0.8, 0), seed=seed)
    for seed in (3, 4):
        write_run(tmp_path / str(seed), np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1)), seed=seed)
    figure = plots.scores_by_configuration(study_of(tmp_path), "a")
    rings, ring_sizes = markers(figure, "var(--accent)")
    crosses, cross_sizes = markers(figure, "var(--warning)")
    assert len(rings) == 3 and len({x for x, _ in rings}) == 1 and len({y for _, y in rings}) == 3
    assert len(crosses) == 2 and len({y for _, y in crosses}) == 2
    assert min(cross_sizes) > 2 * max(ring_sizes)


def test_the_score_of_the_majority_is_a_line_with_its_name(figures, study):
    for figure in figures[1:3]:
        assert "always “1”" in [element.text for element in parse(figure).iter("text")]
        assert f"Always “1”: {100 * study.constant.score:.1f} %." in parse(figure).get("aria-label")


def test_predicted_numbers_stand_against_their_labels(tmp_path):
    write_numbers_run(tmp_path / "run", 0.5, 0)
    study = study_of(tmp_path)
    figure = plots.predicted_by_label(study.best.predictions, "a")
    assert {"label", "prediction"} <= {element.text for element in parse(figure).iter("text")}
    assert "60 points" in parse(figure).get("aria-label") and len(markers(figure, "var(--accent)")[0]) == 60


def test_very_many_predicted_numbers_are_drawn_in_part():
    labels = np.linspace(0, 5, 50_000)
    predictions = NumberPredictions(tuple(map(str, range(50_000))), labels, labels)
    assert len(plots.predicted_by_label([predictions], "a")) < 500_000
