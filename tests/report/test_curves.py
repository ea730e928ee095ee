import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from support.synthetic_runs import LABELS, draw_probabilities, edit_results, write_curve, write_run

from bert_tf.report import curves
from bert_tf.report.comparison import compare
from bert_tf.report.runs import read_runs

COLLAPSED = np.tile(np.float32([0.3, 0.7]), (len(LABELS), 1))
SCORES = [0.7, 0.75, 0.85, 0.8]
LOSSES = [0.6, 0.5, 0.55, 0.65]


def study_of(folder):
    (study,) = compare(read_runs([folder]))
    return study


def write_evaluated(folder, seed=0, rate=2e-5, scores=SCORES, **results):
    run = write_run(folder / f"{rate}-{seed}", draw_probabilities(LABELS, 0.8, seed), seed=seed, learning_rate=rate)
    write_curve(run, {"eval_accuracy": scores, "eval_loss": LOSSES})
    edit_results(run, **results)


def parse(figure):
    return ElementTree.fromstring(figure.replace("xlink:href", "href"))  # noqa: S314  # our own output


def words(figure):
    return [element.text for element in parse(figure).iter("text")]


def dots(figure):
    """The number of large dots that are filled, and of large rings."""
    uses = re.findall(r'<use [^>]*href="#([^"]+)"[^>]*style="([^"]*)"', figure)
    large = {name for name, size in re.findall(r'<path id="([^"]+)" d="M 0 (3\.5)', figure)}
    styles = [style for name, style in uses if name in large]
    return sum("fill-opacity: 0" not in style for style in styles), sum("fill-opacity: 0" in style for style in styles)


def test_the_band_goes_from_the_lowest_to_the_highest_seed(tmp_path):
    for seed in range(2):
        write_run(tmp_path / str(seed), draw_probabilities(LABELS, 0.8, seed), seed=seed)
    study = study_of(tmp_path)
    figure = curves.losses(study.configurations[0], study, "a")
    outline = re.search(r'FillBetween.*?<path [^>]*? d="([^"]+)"', figure, re.DOTALL)[1]
    points = np.array(re.findall(r"[ML] (\S+) (\S+)", outline), float)
    first, last = (points[points[:, 0] == x, 1] for x in (points[:, 0].min(), points[:, 0].max()))
    # The losses fall by 0.2 from the first step to the last and differ by 1/50 from seed to seed.
    assert np.ptp(first) / (last.max() - first.max()) == pytest.approx((1 / 50) / 0.2, rel=1e-3)


def test_a_long_log_is_drawn_by_means_of_its_rows(tmp_path):
    folder = write_run(tmp_path / "run", draw_probabilities(LABELS, 0.8, 0))
    losses = np.random.default_rng(0).random(20_000)
    rows = "".join(f"{step},{loss}\n" for step, loss in enumerate(losses, start=1))
    (folder / "train_log.csv").write_text("step,loss\n" + rows)
    edit_results(folder, global_step=20_000)
    study = study_of(tmp_path)
    figure = curves.losses(study.configurations[0], study, "a")
    assert len(figure) < 100_000
    assert f"to {losses[-50:].mean():.3f} at 20000." in figure


def test_without_evaluations_while_training_there_is_no_figure_of_dev_scores(tmp_path):
    write_run(tmp_path / "run", draw_probabilities(LABELS, 0.8, 0))
    study = study_of(tmp_path)
    assert curves.dev_scores(study.best, study, "a") is None
    assert "dev, each seed" not in words(curves.losses(study.best, study, "a"))


def test_the_dev_scores_stand_beside_the_majority_and_the_dev_losses_beside_those_of_training(tmp_path):
    write_evaluated(tmp_path)
    study = study_of(tmp_path)
    assert {"dev accuracy, %", "always “1”"} <= set(words(curves.dev_scores(study.best, study, "a")))
    assert {"training", "dev, each seed", "loss"} <= set(words(curves.losses(study.best, study, "b")))


def test_the_step_that_was_kept_has_a_dot_in_both_figures_whatever_the_scores_say(tmp_path):
    for seed in range(2):
        write_evaluated(tmp_path, seed, best={"metric": "eval_loss", "step": 20, "value": 0.5})
    study = study_of(tmp_path)
    figure = curves.dev_scores(study.best, study, "a")
    assert "Seed 0: best 75.0 at step 20. Seed 1: best 75.0 at step 20." in parse(figure).get("aria-label")
    assert dots(figure) == dots(curves.losses(study.best, study, "b")) == (2, 0)


def test_the_best_step_has_a_ring_if_the_last_one_was_kept(tmp_path):
    write_evaluated(tmp_path)
    study = study_of(tmp_path)
    figure = curves.dev_scores(study.best, study, "a")
    assert "best 85.0 at step 30" in parse(figure).get("aria-label") and dots(figure) == (0, 1)


def test_a_seed_that_was_stopped_early_has_a_shorter_line(tmp_path):
    write_evaluated(tmp_path, 0, scores=SCORES)
    run = write_run(tmp_path / "short", draw_probabilities(LABELS, 0.8, 1), seed=1)
    write_curve(run, {"eval_accuracy": SCORES[:2]})
    edit_results(run, stopped_early=20, num_train_steps=40)
    study = study_of(tmp_path)
    assert len(study.best.runs) == 2
    assert "Seed 1: best 75.0 at step 20" in parse(curves.dev_scores(study.best, study, "a")).get("aria-label")


def test_collapsed_runs_are_drawn_in_the_color_of_warnings(tmp_path):
    write_evaluated(tmp_path)
    study = study_of(tmp_path)
    figures = [curves.losses(study.best, study, "a"), curves.dev_scores(study.best, study, "b")]
    assert not any("var(--warning)" in figure for figure in figures)
    write_curve(
        write_run(tmp_path / "collapsed", COLLAPSED, seed=1), {"eval_accuracy": [2 / 3] * 4, "eval_loss": LOSSES}
    )
    study = study_of(tmp_path)
    figures = [curves.losses(study.best, study, "a"), curves.dev_scores(study.best, study, "b")]
    assert all("var(--warning)" in figure for figure in figures)


def test_a_long_dev_curve_is_drawn_with_few_points(tmp_path):
    run = write_run(tmp_path / "run", draw_probabilities(LABELS, 0.8, 0))
    write_curve(run, {"eval_accuracy": np.linspace(0.5, 0.9, 20_000)}, every=2)
    study = study_of(tmp_path)
    assert len(curves.dev_scores(study.best, study, "a")) < 100_000


@pytest.mark.parametrize("scores", [[0.7], [0.7, 0.7, 0.7]])
def test_a_curve_of_one_point_or_one_height_is_drawn_without_a_warning(tmp_path, recwarn, scores):
    run = write_run(tmp_path / "run", draw_probabilities(LABELS, 0.8, 0))
    write_curve(run, {"eval_accuracy": scores})
    study = study_of(tmp_path)
    assert dots(curves.dev_scores(study.best, study, "a")) == (0, 1)
    assert not list(recwarn)


def test_a_configuration_of_collapsed_runs_alone_is_drawn(tmp_path):
    folder = write_run(tmp_path / "collapsed", COLLAPSED)
    write_curve(folder, {"eval_accuracy": [2 / 3] * 4, "eval_loss": LOSSES})
    study = study_of(tmp_path)
    (configuration,) = study.configurations
    assert study.best is None and "1 collapsed run." in curves.losses(configuration, study, "a")
    assert "var(--warning)" in curves.dev_scores(configuration, study, "b")
