"""The options of the benchmark, checked before anything is measured."""

import dataclasses
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from absl import flags

from bert_tf.data.folders import sample_dir
from bert_tf.errors import UserError
from bert_tf.files import make_folder
from bert_tf.paths import local_path
from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.programs.run_classifier import with_defaults
from comparisons import MODELS
from sections import SECTIONS

_PEER_PACKAGES = ["torch", "transformers"]
# PyTorch's exporter needs onnx and onnxscript.
_PACKAGES_FOR_ANSWERS = ["onnxruntime", "onnx", "onnxscript"]
_SECTIONS_OF_ANSWERS = {"latency", "first_answer"}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the benchmark."""
    flags.DEFINE_string(
        "peer_python",
        None,
        "A Python with torch and transformers, and for the last two sections onnxruntime, onnx and onnxscript; without "
        "it only ours is measured.",
        values,
    )
    flags.DEFINE_string("data_dir", None, "The folder of MRPC; by default that of run_classifier.py.", values)
    flags.DEFINE_string("sst2", None, "SST-2's train.tsv, to measure how fast it is tokenized.", values)
    flags.DEFINE_string(
        "squad", None, "SQuAD's train-v1.1.json for the section questions; by default the sample corpus.", values
    )
    flags.DEFINE_list("models", list(MODELS), "The models to measure.", values)
    flags.DEFINE_list(
        "sections", list(SECTIONS), "What to measure of each model; the notebook's recipe takes minutes.", values
    )
    flags.DEFINE_integer("repetitions", 5, "The number of repetitions of each measurement.", 1, flag_values=values)
    flags.DEFINE_string("output", None, "A .json file for everything that was measured.", values)


@dataclasses.dataclass(frozen=True)
class Options:
    """The values of the flags.

    Attributes:
        peer_python: a Python with the packages of the peer; None to measure only ours.
        data_dir: the folder of MRPC; None for that of run_classifier.py.
        sst2: SST-2's train.tsv; None to leave it out.
        squad: SQuAD's train-v1.1.json; None for the sample corpus.
        models: some of `MODELS`.
        sections: some of `SECTIONS`.
        repetitions: the number of repetitions of each measurement.
        output: the file for everything that was measured; None to only print it.

    Raises:
        UserError: a value is unknown, or a file or folder is missing.
    """

    peer_python: str | None
    data_dir: Path | None
    sst2: Path | None
    squad: Path | None
    models: list[str]
    sections: list[str]
    repetitions: int
    output: Path | None

    def __post_init__(self) -> None:
        check_names("models", self.models, MODELS)
        check_names("sections", self.sections, SECTIONS)
        if self.data_dir and not self.data_dir.is_dir():
            raise UserError(f"data_dir: {self.data_dir}: there is no such folder")
        if self.sst2 and not self.sst2.is_file():
            raise UserError(f"sst2: {self.sst2}: there is no such file")
        if self.squad and not self.squad.is_file():
            raise UserError(f"squad: {self.squad}: there is no such file")
        if self.output:
            check_output(self.output)


def check_names(flag: str, names: Sequence[str], known: Mapping[str, object]) -> None:
    """Raises `UserError` if there are no names, or an unknown one."""
    for name in names or [""]:
        if name not in known:
            raise UserError(f"{flag}: {name!r} is unknown; known: {', '.join(known)}")


def check_output(path: Path) -> None:
    """Makes the folder of a file, and raises `UserError` if the file could not be written after half an hour."""
    if path.is_dir():
        raise UserError(f"output: {path}: is a folder; name a file")
    make_folder(path.parent, "output")


def options_from_flags(values: flags.FlagValues = flags.FLAGS) -> Options:
    """Returns the options that the parsed flags give."""
    return Options(
        peer_python=values.peer_python,
        data_dir=_path(values, "data_dir"),
        sst2=_path(values, "sst2"),
        squad=_path(values, "squad"),
        models=values.models,
        sections=values.sections,
        repetitions=values.repetitions,
        output=_path(values, "output"),
    )


def _path(values: flags.FlagValues, name: str) -> Path | None:
    return None if values[name].value is None else Path(local_path(values[name].value, name))


def default_data_dir() -> Path:
    """Returns the folder of the MRPC that run_classifier.py takes, and says if it is the sample corpus."""
    return Path(with_defaults(ClassifierConfig(task_name="MRPC", do_train=True)).data_dir)


def default_squad() -> Path:
    """Returns the questions of the sample corpus to train on."""
    return sample_dir("SQuAD") / "train-v1.1.json"


def peer_versions(python: str, sections: Sequence[str]) -> dict[str, str]:
    """Returns the versions of the packages that some sections need, as a Python has them.

    Raises:
        UserError: it lacks one of them, or cannot be run.
    """
    names = [*_PEER_PACKAGES, *(_PACKAGES_FOR_ANSWERS if _SECTIONS_OF_ANSWERS & set(sections) else [])]
    code = "import importlib, json, sys; names = sys.argv[1:]; found = map(importlib.import_module, names); "
    code += "print(json.dumps({name: module.__version__ for name, module in zip(names, found)}))"
    try:
        ended = subprocess.run([python, "-c", code, *names], capture_output=True, text=True)
    except OSError as error:
        raise UserError(f"peer_python: {python}: cannot be run: {error.strerror}") from error
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["it failed"])[-1]
        raise UserError(f"peer_python: {python}: {reason}; name a Python that has {', '.join(names)}")
    return json.loads(ended.stdout.splitlines()[-1])
