"""The processes of one training compare notes before anything of a run is written or computed.

with Agreement(devices) as agreement:
    ...  # a UserError in here is told to the other processes
    agreement.check(lambda: facts_of_run(task, start, examples, devices))
"""

import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from types import TracebackType

from bert_tf.checkpoints.identity import model_digest
from bert_tf.cluster import Member
from bert_tf.devices import Devices
from bert_tf.errors import UserError, printable
from bert_tf.tasks.task import Example, Task
from bert_tf.training.config import MODEL_FIELDS, resume_fields
from bert_tf.training.results import versions
from bert_tf.training.start import Start

# These need not be equal to resume a run, but every process must do the same.
_SAME_WORK = ("do_train", "do_eval", "do_predict", "eval_all_checkpoints", "eval_batch_size", "predict_batch_size")
_STEP = "step of the checkpoint in output_dir"
_SHOWN_CHARACTERS = 64
_SHOWN_FACTS = 8


def facts_of_run(
    task: Task, start: Start, examples: Mapping[str, Sequence[Example]], devices: Devices
) -> dict[str, object]:
    """Returns what the processes of one training must have in common, by name. Paths may differ; contents may not."""
    config = start.config
    settings = {name: value for name, value in resume_fields(config).items() if name not in MODEL_FIELDS}
    return {
        **{name: getattr(config, name) for name in _SAME_WORK},
        **settings,
        **{f"{split}_data": task.digest(found) for split, found in examples.items()},
        **task.describe(),
        "model": model_digest(start.files),
        _STEP: start.step,
        "devices": devices.label,
        **versions(),
        "numpy": metadata.version("numpy"),
        "byte order": sys.byteorder,
    }


class Agreement:
    """Lets the processes of one training start together or fail together. One process alone needs none.

    Args:
        devices: of the run.
    """

    def __init__(self, devices: Devices):
        self._devices = devices
        self._is_settled = devices.cluster is None

    def __enter__(self) -> "Agreement":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Tells the other processes why this one ends, if they still wait to hear of it."""
        if isinstance(error, UserError) and not self._is_settled:
            # This process's own reason is what its user sees, also if another one has ended meanwhile.
            with contextlib.suppress(UserError):
                self._exchange({"failure": printable(error)})

    def check(self, find_facts: Callable[[], Mapping[str, object]]) -> None:
        """Raises `UserError` in all processes if one has failed, or if their facts differ.

        Args:
            find_facts: returns facts by name, with values that JSON can hold; is not called for one process alone.
        """
        if self._is_settled:
            return
        notes = self._exchange({"facts": dict(find_facts())})
        problems = find_problems(self._devices.cluster.members, notes)
        if problems:
            raise UserError(f"multi_worker_mirrored: {'; '.join(problems)}")

    def _exchange(self, note: Mapping[str, object]) -> list[dict]:
        # A failure while waiting for the others is not told again.
        self._is_settled = True
        return [json.loads(message) for message in self._devices.exchange(json.dumps(note))]


def find_problems(members: Sequence[Member], notes: Sequence[Mapping]) -> list[str]:
    """Lists which processes have failed; if none has, which differ from the first one, and in what.

    Args:
        members: the processes.
        notes: of each, either `{"failure": reason}` or `{"facts": values by name}`.

    Example:
        >>> members = [Member("worker", 0, "a:1"), Member("worker", 1, "b:1")]
        >>> find_problems(members, [{"facts": {"seed": 0}}, {"facts": {"seed": 1}}])
        ['worker 1 (b:1) differs from worker 0 (a:1) in seed (1, not 0)']
        >>> find_problems(members, [{"facts": {"seed": 0}}, {"failure": "data_dir: data: is missing"}])
        ['worker 1 (b:1) has failed: data_dir: data: is missing']
    """
    failures = [
        f"{member} has failed: {note['failure']}" for member, note in _pairs(members, notes) if "failure" in note
    ]
    if failures:
        return failures
    expected = notes[0]["facts"]
    return [
        f"{member} differs from {members[0]} in {_describe(expected, note['facts'])}"
        for member, note in _pairs(members, notes)
        if note["facts"] != expected
    ]


def _pairs(members: Sequence[Member], notes: Sequence[Mapping]) -> list[tuple[Member, Mapping]]:
    return list(zip(members, notes, strict=True))


def _describe(expected: Mapping[str, object], found: Mapping[str, object]) -> str:
    names = [name for name in dict.fromkeys([*expected, *found]) if expected.get(name) != found.get(name)]
    shown = [f"{name} ({_show(found.get(name))}, not {_show(expected.get(name))})" for name in names[:_SHOWN_FACTS]]
    more = f" and {len(names) - _SHOWN_FACTS} more" if len(names) > _SHOWN_FACTS else ""
    remedy = "; output_dir must be a folder that all of them see" if _STEP in names else ""
    return ", ".join(shown) + more + remedy


def _show(value: object) -> str:
    text = printable(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
