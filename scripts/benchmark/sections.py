"""The sections of the benchmark: each measures something and adds its figures to the session."""

import dataclasses
import shutil
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from answer_sections import measure_first_answer, measure_latency
from comparisons import (
    BATCH_SIZE,
    COMPARISONS,
    MAX_SEQ_LENGTH,
    PRETRAINING_SIZES,
    QUESTIONS_LENGTH,
    Side,
    ours,
    predictions_of,
    pretraining_sides,
)
from masked_texts import write_masked_texts
from sampling import write_chosen
from session import Session

STEPS_AFTER_START = 30
# A batch of windows takes several times as long as one of pairs.
QUESTIONS_SHARE = 4


def measure(session: Session, sections: Sequence[str], models: Mapping[str, tuple[dict, int]]) -> None:
    """Measures some sections for some models.

    Args:
        session: collects the figures.
        sections: some of `SECTIONS`.
        models: for each model's name its shape and the number of batches in one repetition.
    """
    files = {"data_dir": str(session.data_dir), "max_seq_length": MAX_SEQ_LENGTH, "head": "classes"}
    examples = session.folder / "examples.npz"
    session.do_once(Side("examples", {"kind": "examples", "path": str(examples), **files}))
    for name, (config, batches) in models.items():
        session.model = name
        path = session.folder / f"{name}.npz"
        lengths = write_chosen(examples, path, batches)
        session.add_median("examples", f"mean length of {len(lengths)} examples", "tokens", [lengths.mean()])
        session.job = {**files, "config": config, "batches": batches, "path": str(path)}
        session.job["repetitions"] = session.repetitions
        for section in sections:
            SECTIONS[section](session)


def measure_training(session: Session) -> None:
    """Measures epochs of training, and their memory."""
    for sides in COMPARISONS["training"]:
        answers = compare(session, "training", sides)
        memory = {label: [answer["memory"] / 1e9 for answer in measured] for label, measured in answers.items()}
        for label, values in memory.items():
            session.add_median("memory", label, "GB", values)
        if len(memory) > 1:
            session.add_ratio("memory", " / ".join(memory), *memory.values())


def measure_notebook(session: Session) -> None:
    """Measures our training against the notebook's recipe."""
    for sides in COMPARISONS["notebook"]:
        compare(session, "notebook", sides)


def measure_inference(session: Session) -> None:
    """Measures the prediction of all examples."""
    for sides in COMPARISONS["inference"]:
        for label, measured in compare(session, "inference", sides).items():
            firsts = [answer["first_batch_seconds"] for answer in measured if "first_batch_seconds" in answer]
            if firsts:
                session.add_median("inference", f"first batch of a call: {label}", "s", firsts)


def measure_questions(session: Session) -> None:
    """Measures training and prediction with the windows of questions, whose lengths differ much."""
    classifying, windows = session.job, session.folder / "windows.npz"
    if not windows.exists():
        session.do_once(Side("windows", {"kind": "windows", "path": str(windows), "squad": str(session.squad)}))
    path = session.folder / f"{session.model}-windows.npz"
    lengths = write_chosen(windows, path, max(1, classifying["batches"] // QUESTIONS_SHARE))
    session.add_median("questions", f"mean length of {len(lengths)} windows", "tokens", [lengths.mean()])
    session.job = classifying | {"path": str(path), "max_seq_length": QUESTIONS_LENGTH, "head": "spans"}
    for kind in ("training", "inference"):
        for sides in COMPARISONS[kind]:
            compare(session, "questions", [side for side in named(kind, sides) if side.job["batch_size"] == BATCH_SIZE])
    session.job = classifying


def measure_pretraining(session: Session) -> None:
    """Measures training on masked words, with texts that fill their rows, as transformers' run_mlm makes them."""
    classifying = session.job
    for length, size in PRETRAINING_SIZES.items():
        path = session.folder / f"{session.model}-masks-{length}.npz"
        batches = max(1, classifying["batches"] // 2)
        write_masked_texts(path, batches * size, length, predictions_of(length), classifying["config"]["vocab_size"])
        session.job = classifying | {"path": str(path), "max_seq_length": length, "head": "masks"}
        for sides in pretraining_sides(size):
            compare(session, "pretraining", named(f"length {length}", sides))
    session.job = classifying


def named(kind: str, sides: Sequence[Side]) -> list[Side]:
    """Puts what they do before the labels of sides."""
    return [dataclasses.replace(side, label=f"{kind}, {side.label}") for side in sides]


def measure_start(session: Session) -> None:
    """Measures the time from the start of a process to its first training step."""
    model = session.folder / f"{session.model}-checkpoint"
    session.do_once(Side("checkpoint", {"kind": "checkpoint", "folder": str(model), **session.job}))
    # The first start reads all files once; it continues for some steps, to see if later steps wait for something.
    facts = start_ours(session, model, STEPS_AFTER_START)
    seconds_per_token = np.diff(facts["steps_done_at"]) / np.array(facts["step_tokens"][1:])
    slowest, median = float(seconds_per_token.max()), float(np.median(seconds_per_token))
    session.add_ratio("start", "slowest later step / median, each per real token", [slowest], [median])
    starts: dict[str, Callable[[], dict]] = {"ours": lambda: start_ours(session, model, 1)}
    if session.has_peer:
        starts["transformers, random weights, tokens from a file"] = lambda: start_peer(session)
        start_peer(session)
    measured: dict[str, list[dict]] = {name: [] for name in starts}
    for number in range(1, session.repetitions + 1):
        for name, start in starts.items():
            session.report("start", f"{name}, {number}/{session.repetitions}")
            measured[name].append(start())
    for name, facts_of_starts in measured.items():
        what = f"process start to first training step: {name}, bfloat16"
        session.add_median("start", what, "s", [facts["seconds"] for facts in facts_of_starts])
    memory = [facts["memory"] / 1e9 for facts in measured["ours"]]
    session.add_median("memory", "run_classifier.py, one step", "GB", memory)


def start_ours(session: Session, model: Path, steps: int) -> dict:
    """Runs run_classifier.py for some steps; returns its facts, with the `seconds` to the end of the first step."""
    output_dir = session.folder / "output"
    flags = [
        *("--task_name=MRPC", "--do_train", f"--bert_model={model}", f"--data_dir={session.data_dir}"),
        *(f"--output_dir={output_dir}", "--mixed_precision=bfloat16", "--iterations_per_loop=1"),
    ]
    facts = session.do_once(Side("start", {"kind": "start", "flags": flags, "steps": steps}))
    shutil.rmtree(output_dir)
    return facts | {"seconds": facts["steps_done_at"][0] - facts["process_started_at"]}


def start_peer(session: Session) -> dict:
    """Runs the peer's training for one step; returns the `seconds` to its end."""
    side = COMPARISONS["training"][0][1]
    with session.start_worker(side) as worker:
        return {"seconds": worker.start()["first_step_at"] - worker.started}


def measure_input(session: Session) -> None:
    """Measures tokenizing and padding, next to the training step that they feed."""
    step = ours("training", "bfloat16")
    prepare = Side("input", {"kind": "input", "batch_size": BATCH_SIZE})
    answers, _ = session.take_turns("input", [step, prepare])
    seconds = [answer["seconds"] for answer in answers[step.label]]
    for name, what in (("tokenizing", "tokenizing a batch"), ("batching", "padding a batch")):
        values = [answer[name] for answer in answers["input"]]
        session.add_ratio("input", f"{what} / a training step, {step.label}", values, seconds)
        session.add_median("input", what, "ms", [1000 * value / session.job["batches"] for value in values])
    if session.sst2:
        measure_tokenizing(session)


def measure_tokenizing(session: Session) -> None:
    """Measures how fast all sentences of SST-2 are tokenized."""
    tokenize = Side("tokenizing SST-2", {"kind": "tokenize", "sst2": str(session.sst2)})
    answers, facts = session.take_turns("input", [tokenize])
    what = f"tokenizing {facts[tokenize.label]['examples']} sentences of {session.sst2.name}"
    session.add_median("input", what, "s", [answer["seconds"] for answer in answers[tokenize.label]])


def measure_lengths(session: Session) -> None:
    """Measures training on examples of several lengths, with the same number of tokens in a batch."""
    side = Side("ours, bfloat16, 2048 tokens a batch", ours("lengths", "bfloat16").job)
    answers, facts = session.take_turns("lengths", [side])
    speeds = {
        length: [facts[side.label]["tokens"] / answer["seconds"][length] for answer in answers[side.label]]
        for length in answers[side.label][0]["seconds"]
    }
    for length, values in speeds.items():
        session.add_median("lengths", f"length {length}: {side.label}", "tokens/s", values)
        session.add_ratio("lengths", f"tokens/s at length {length} / at length 64", values, speeds["64"])


def compare(session: Session, section: str, sides: Sequence[Side]) -> dict[str, list[dict]]:
    """Measures speeds, fractions of the peak, and our ratios to the fastest peer.

    Returns:
        Each side's measurements, by its label; without a peer only ours.
    """
    sides = [side for side in sides if session.has_peer or not side.is_peer]
    peak = Side("peak", {"kind": "peak", "dtype": sides[0].job["dtype"]})
    answers, facts = session.take_turns(section, [*sides, peak])
    peaks = [answer["flops_per_second"] for answer in answers.pop("peak")]
    session.add_median(section, f"matrix products, {sides[0].job['dtype']}", "GFLOP/s", [p / 1e9 for p in peaks])
    flops = facts[sides[0].label]["flops"] / facts[sides[0].label]["examples"]
    speeds = {}
    for label, measured in answers.items():
        speeds[label] = [facts[label]["examples"] / answer["seconds"] for answer in measured]
        session.add_median(section, label, "examples/s", speeds[label])
        session.add_ratio(section, f"of peak: {label}", [flops * speed for speed in speeds[label]], peaks)
    add_ratios_to_fastest_peer(session, section, sides, speeds)
    return answers


def add_ratios_to_fastest_peer(
    session: Session, section: str, sides: Sequence[Side], speeds: Mapping[str, Sequence[float]]
) -> None:
    """Adds the ratio of each of our sides to the fastest peer, if there is a peer."""
    peers = [side.label for side in sides if side.is_peer]
    if peers:
        fastest = max(peers, key=lambda label: statistics.median(speeds[label]))
        for side in sides:
            if not side.is_peer:
                session.add_ratio(section, f"{side.label} / {fastest}", speeds[side.label], speeds[fastest])


SECTIONS: dict[str, Callable[[Session], None]] = {
    "training": measure_training,
    "notebook": measure_notebook,
    "inference": measure_inference,
    "questions": measure_questions,
    "pretraining": measure_pretraining,
    "start": measure_start,
    "input": measure_input,
    "lengths": measure_lengths,
    "latency": measure_latency,
    "first_answer": measure_first_answer,
}
