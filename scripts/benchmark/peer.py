"""The peer's worker: BERT in PyTorch's transformers, trained and used as a careful user would do it.

Runs in an environment of its own with torch and transformers, without this project's package and TensorFlow.
"""

import contextlib
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
import transformers

from serving import serve

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Our activations have the names of the original BERT.
MODELS = {
    "classes": transformers.BertForSequenceClassification,
    "spans": transformers.BertForQuestionAnswering,
    "masks": transformers.BertForMaskedLM,
}
INPUTS = ("input_ids", "token_type_ids", "attention_mask")
ACTIVATIONS = {"gelu": "gelu_pytorch_tanh", "gelu_erf": "gelu"}


def make_batches(job: dict) -> list[dict[str, torch.Tensor]]:
    """Returns batches of examples of similar length, padded to the longest of the batch or to a fixed length."""
    arrays = np.load(job["path"])
    lengths = arrays["lengths"]
    ends = np.cumsum(lengths)
    order = np.argsort(lengths, kind="stable")
    if "max_examples" in job:
        order = order[np.linspace(0, len(order) - 1, job["max_examples"]).astype(int)]
    starts = range(0, len(order), job["batch_size"])
    return [make_batch(arrays, ends, order[start : start + job["batch_size"]], job.get("pad_to")) for start in starts]


def make_batch(arrays: dict, ends: np.ndarray, rows: np.ndarray, pad_to: int | None) -> dict[str, torch.Tensor]:
    """Returns one padded batch on the device."""
    lengths = arrays["lengths"][rows]
    shape = len(rows), pad_to or lengths.max()
    batch = {name: torch.zeros(shape, dtype=torch.long) for name in INPUTS}
    for row, (end, length) in enumerate(zip(ends[rows], lengths, strict=True)):
        batch["input_ids"][row, :length] = torch.from_numpy(arrays["input_ids"][end - length : end])
        batch["token_type_ids"][row, :length] = torch.from_numpy(arrays["type_ids"][end - length : end])
        batch["attention_mask"][row, :length] = 1
    if "ends" in arrays:
        batch["start_positions"], batch["end_positions"] = torch.from_numpy(arrays["ends"][rows]).long().T
    elif "masked_lm_positions" in arrays:
        batch["labels"] = masked_lm_labels(arrays, rows, shape)
    else:
        batch["labels"] = torch.from_numpy(arrays["label_ids"][rows]).long()
    return {name: tensor.to(DEVICE) for name, tensor in batch.items()}


def masked_lm_labels(arrays: dict, rows: np.ndarray, shape: tuple[int, int]) -> torch.Tensor:
    """Returns the masked pieces at their positions, and -100 elsewhere: the labels of transformers' models."""
    labels = torch.full(shape, -100)
    positions = torch.from_numpy(arrays["masked_lm_positions"][rows]).long()
    return labels.scatter(1, positions, torch.from_numpy(arrays["masked_lm_ids"][rows]).long())


def make_model(job: dict) -> transformers.BertPreTrainedModel:
    """Creates a model with random weights."""
    config = transformers.BertConfig(**job["config"])
    config.hidden_act = ACTIVATIONS[job["config"]["hidden_act"]]
    return MODELS[job["head"]](config).to(DEVICE)


def autocast(job: dict) -> contextlib.AbstractContextManager:
    """Returns a context that computes in bfloat16 if the job asks for it and the weights are in float32."""
    return torch.autocast(DEVICE, torch.bfloat16, enabled=job["dtype"] == "bfloat16" and "cast_weights" not in job)


def count(batches: list) -> dict:
    """Counts the examples and their real tokens."""
    masks = [batch["attention_mask"] for batch in batches]
    return {"examples": sum(len(mask) for mask in masks), "tokens": int(sum(mask.sum() for mask in masks))}


def clock(work: Callable) -> dict:
    """Does work; returns its seconds and the peak memory so far: the GPU's if there is one, else the process's."""
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"seconds": seconds, "memory": torch.cuda.max_memory_allocated() if DEVICE == "cuda" else resident}


def train(job: dict) -> tuple:
    """Prepares training on each batch once."""
    batches, model = make_batches(job), make_model(job).train()
    steps = len(batches) * (job["repetitions"] + 1) + 1
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01, fused=True)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, steps // 10, steps)

    def step(batch: dict) -> torch.Tensor:
        with autocast(job):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        return loss.detach()

    def epoch() -> None:
        losses = [step(batch) for batch in batches]
        losses[-1].item()

    step(batches[0]).item()
    return {**count(batches), "first_step_at": time.time()}, lambda: clock(epoch)


def infer(job: dict) -> tuple:
    """Prepares the prediction of all examples."""
    batches, model = make_batches(job), make_model(job).eval()
    if "cast_weights" in job:
        model = model.to(torch.bfloat16)

    def run() -> None:
        with torch.inference_mode(), autocast(job):
            inputs = ({name: tensor for name, tensor in batch.items() if name in INPUTS} for batch in batches)
            for batch in inputs:
                for logits in model(**batch).values():
                    logits.float().softmax(-1).cpu()

    return count(batches), lambda: clock(run)


JOBS = {"training": train, "inference": infer}


def prepare(job: dict) -> tuple:
    """Prepares a job with as many threads as our side has."""
    torch.set_num_threads(job["threads"])
    return JOBS[job["kind"]](job)


if __name__ == "__main__":
    serve(prepare)
