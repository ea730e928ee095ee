"""Sorts runs into studies and configurations, and compares the configurations.

    studies = compare(read_runs([Path("output")]))
    studies[0].best.score

The runs of a study can be compared: they have the same task, the same data and the same versions. The runs of a
configuration differ only in their seed.
"""

import collections
import json
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from bert_tf.report.constant import Constant, constant
from bert_tf.report.formatting import flag_text, folder_names, listed
from bert_tf.report.inventory import Inventory, Run
from bert_tf.report.runs import ANSWER_FLAGS
from bert_tf.report.scores import LOSS
from bert_tf.report.significance import (
    holm,
    is_binary,
    mcnemar_exact,
    paired_bootstrap,
)
from bert_tf.report.study import BOOTSTRAP, MAIN_FLAGS, MCNEMAR, Comparison, Configuration, Study, varying_flags

MAX_TESTED = 200  # of the configurations of a study, the best; each test takes about 0.1 s
_SHORT_NAMES = {
    "learning_rate": "lr",
    "train_batch_size": "batch",
    "num_train_epochs": "epochs",
    "train_steps": "steps",
    "model": "",
}
_PATH_FLAGS = ("model", "init_checkpoint", "bert_config_file", "vocab_file")


def compare(inventory: Inventory) -> list[Study]:
    """Sorts the runs into studies, the largest first, and tests the configurations of each against its best."""
    dev_sets = _dev_sets(inventory.runs)
    groups = _group(inventory.runs, lambda run: (*_circumstances(run), dev_sets[run]))
    studies = [_create_study(runs, dev_sets[runs[0]]) for runs in groups]
    _add_left_out(studies, inventory)
    return sorted(studies, key=lambda study: -sum(len(each.runs) for each in study.configurations))


def _group(items: Iterable, key: Callable[[object], Hashable]) -> list[list]:
    groups: dict = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def _circumstances(run: Run) -> tuple:
    versions = json.dumps(run.versions, sort_keys=True)
    return (run.task, run.dataset, run.kind, str(run.train_data), versions, run.headline, run.num_dev_examples)


def _dev_sets(runs: Sequence[Run]) -> dict[Run, str]:
    """Returns a name for the dev examples of each run.

    A run without class probabilities does not know its labels, and a run without any file does not know its examples.
    Such a run joins the runs of the same circumstances if only one known dev set fits.
    """
    names: dict[Run, str] = {}
    known: dict[tuple, set] = {}
    for run in sorted(runs, key=lambda run: (run.predictions is None, run.values is None)):
        circumstances = _circumstances(run)
        candidates = known.get((circumstances, run.guids), set())
        joins = run.predictions is None and len(candidates) == 1
        names[run] = next(iter(candidates)) if joins else run.dev_set or "unknown"
        known.setdefault((circumstances, None), set()).add(names[run])
        if run.predictions is not None:
            known.setdefault((circumstances, run.guids), set()).add(names[run])
    return names


def _add_left_out(studies: Sequence[Study], inventory: Inventory) -> None:
    """Counts the runs that are unfinished or without results with the configurations that they belong to."""
    configurations: dict = {}
    for study in studies:
        for each in study.configurations:
            configurations.setdefault((study.train_data, training_key(each.flags)), []).append(each)
    for kind in ("unfinished", "failed"):
        for run in getattr(inventory, kind):
            for each in configurations.get((run.train_data, training_key(run.flags)), ()):
                getattr(each, kind).append(run)


def _create_study(runs: Sequence[Run], dev_set: str) -> Study:
    notes = _precision_note(runs)
    configurations = [_create_configuration(group, notes) for group in _group(runs, lambda run: flags_key(run.flags))]
    first = runs[0]
    configurations.sort(key=_rank)
    _name(configurations)
    constant_answer = _constant(configurations[0], runs)
    comparison = _test(configurations, constant_answer)
    _test_other_scores(configurations)
    return Study(
        task=first.task,
        dataset=first.dataset,
        train_data=first.train_data,
        versions=first.versions,
        headline=first.headline,
        configurations=configurations,
        constant=constant_answer,
        constant_comparison=comparison,
        num_dev_examples=first.num_dev_examples,
        dev_set=dev_set,
        notes=notes,
    )


def _precision_note(runs: Sequence[Run]) -> list[str]:
    """Returns a sentence if some runs were evaluated in another precision than others."""
    names = {"none": "float32"}
    counts = collections.Counter(names.get(run.eval_precision, run.eval_precision) for run in runs)
    known = [f"{number:,} in {name}" for name, number in sorted(counts.items(), key=str) if name is not None]
    if len(known) < 2:
        return []
    return [
        f"The runs were not all evaluated in the same precision ({listed(known)}), which alone can change a score "
        "slightly."
    ]


def _create_configuration(runs: Sequence[Run], notes: list[str]) -> Configuration:
    configuration = Configuration(runs[0].flags, runs[0].headline)
    counted: dict[int, Run] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        if run.seed in counted:
            notes.append(f"Not counted: {run.name} has the same flags and the same seed as {counted[run.seed].name}.")
            continue
        counted[run.seed] = run
        if run.guids is None:
            notes.append(
                f"No results per example: {run.name} is left out of all paired tests. Its dev set is assumed to be "
                "that of the other runs, and it may have collapsed."
            )
        (configuration.collapsed if run.collapsed else configuration.runs).append(run)
    return configuration


def flags_key(flags: dict) -> str:
    """Returns the same text for the same flags. Flags in run.json need not be hashable."""
    return json.dumps(flags, sort_keys=True)


def training_key(flags: dict) -> str:
    """Returns the same key of the flags of the training, which are all that a run without results has."""
    return flags_key({name: value for name, value in flags.items() if name not in ANSWER_FLAGS})


def _rank(configuration: Configuration) -> tuple[bool, float, float]:
    if not configuration.runs:
        return (True, 0.0, 0.0)
    loss = configuration.summary(LOSS)[0]
    return (False, -configuration.score, np.inf if loss is None else loss)


# Names.


def _name(configurations: Sequence[Configuration]) -> None:
    all_flags = [each.flags for each in configurations]
    varying = varying_flags(all_flags) or [name for name in MAIN_FLAGS if all_flags[0].get(name) is not None]
    values = {name: _texts([each.flags.get(name) for each in configurations], name) for name in varying}
    for number, configuration in enumerate(configurations, start=1):
        configuration.number = number
        texts = [f"{_SHORT_NAMES.get(name, name)} {values[name][number - 1]}".strip() for name in varying]
        configuration.label = listed(texts)


def _texts(values: Sequence[object], name: str) -> list[str]:
    """Returns the values of a flag for readers. Paths become the names of their folders if these differ as well."""
    return [flag_text(value) for value in (folder_names(values) if name in _PATH_FLAGS else values)]


# Tests.


def _constant(best: Configuration, runs: Sequence[Run]) -> Constant | None:
    """Returns the best constant answer, with values that can be tested against the best configuration if it has any."""
    for run in (*best.runs, *runs):
        if run.predictions is not None:
            values = run.values.values if best.has_values and run.values is not None else None
            return constant(run.predictions, run.headline.key, values)
    return None


def _test(configurations: Sequence[Configuration], constant: Constant | None) -> Comparison | None:
    """Tests each configuration against the best, the first, and in the same way the constant answer."""
    best = configurations[0]
    candidates = [each for each in configurations[1:] if each.has_values and best.has_values]
    tested, untested = candidates[:MAX_TESTED], candidates[MAX_TESTED:]
    answers = [] if constant is None or constant.values is None else [constant.values]
    sides = [*(each.values for each in tested), *answers]
    if not sides:
        return None
    comparisons = _compare(best.values, sides, len(untested))
    for configuration, comparison in zip(tested, comparisons, strict=False):
        configuration.comparison = comparison
    return comparisons[-1] if answers else None


def _test_other_scores(configurations: Sequence[Configuration]) -> None:
    """Tests those configurations in the other scores that are means over examples, such as exact match next to F1."""
    tested = [each for each in configurations[1:] if each.comparison]
    for key, values in configurations[0].other_values.items():
        sides = {each: each.other_values[key] for each in tested if key in each.other_values}
        for configuration, comparison in zip(sides, _compare(values, list(sides.values()), 0), strict=True):
            configuration.other_comparisons[key] = comparison


def _compare(best: np.ndarray, sides: Sequence[np.ndarray], num_untested: int) -> list[Comparison]:
    """Tests each of the sides against the best, float [seeds, examples]."""
    results = [_p_value(best, side) for side in sides]
    # The family is that of all candidates. To rank the untested last is conservative, whatever their p-values are.
    adjusted = holm([*(p for p, _ in results), *[1.0] * num_untested])
    return [Comparison(p, each, method) for (p, method), each in zip(results, adjusted, strict=False)]


def _p_value(a: np.ndarray, b: np.ndarray) -> tuple[float, str]:
    """Returns the p-value of equal means, and its test. Values: float [seeds, examples]."""
    if len(a) == len(b) == 1 and is_binary(a) and is_binary(b):
        return mcnemar_exact(a[0], b[0]), MCNEMAR
    return paired_bootstrap(a, b)[0], BOOTSTRAP
