"""A process that answers texts with a fine-tuned model in one of several ways, see `PROGRAMS`.

Runs in our environment and in the peer's. Each program imports only what it needs: the time until its first answer is
measured as well.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from serving import serve

# Single texts of one measurement.
CALLS = 100
# Where each program finds the model, see `exports.write_exports`.
RUN, SAVED_MODEL, LITERT, HUGGING_FACE, ONNX = "run", "saved_model/1", "litert", "huggingface", "model.onnx"

# Returns the probabilities of all labels for each text.
Answer = Callable[[Sequence[str]], list[list[float]]]


def predictor(models: Path, threads: int) -> Answer:
    """Loads the folder of a run by `bert_tf.load`."""
    return _bert_tf(models / RUN)


def litert(models: Path, threads: int) -> Answer:
    """Loads an export to LiteRT by `bert_tf.load`."""
    return _bert_tf(models / LITERT)


def _bert_tf(folder: Path) -> Answer:
    import bert_tf

    model = bert_tf.load(folder)
    return lambda texts: [list(each.probabilities.values()) for each in model.predict(texts, batch_size=len(texts))]


def saved_model(models: Path, threads: int) -> Answer:
    """Loads a SavedModel with TensorFlow alone."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401 - registers the operations of the tokenizer

    loaded = tf.saved_model.load(str(models / SAVED_MODEL))
    compute = loaded.signatures["serving_default"]

    def answer(texts: Sequence[str], _: object = loaded) -> list[list[float]]:
        return compute(text=tf.constant(texts))["probabilities"].numpy().tolist()

    return answer


def pipeline(models: Path, threads: int) -> Answer:
    """Loads transformers' pipeline on PyTorch."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    folder = str(models / HUGGING_FACE)
    classify = transformers.pipeline("text-classification", model=folder, device="cpu", top_k=None)

    def answer(texts: Sequence[str]) -> list[list[float]]:
        found = classify(list(texts), batch_size=len(texts))
        # By label: it sorts by probability.
        return [[score["score"] for score in sorted(scores, key=lambda each: each["label"])] for scores in found]

    return answer


def onnx_runtime(models: Path, threads: int) -> Answer:
    """Loads the model into ONNX Runtime, with Hugging Face's tokenizer in front."""
    import numpy as np
    import onnxruntime
    import tokenizers

    session = onnxruntime.InferenceSession(str(models / ONNX), providers=["CPUExecutionProvider"])
    tokenizer = tokenizers.Tokenizer.from_file(str(models / HUGGING_FACE / "tokenizer.json"))
    tokenizer.enable_padding()

    def answer(texts: Sequence[str]) -> list[list[float]]:
        cut = tokenizer.encode_batch(list(texts))
        pieces = {
            "input_ids": np.array([each.ids for each in cut]),
            "attention_mask": np.array([each.attention_mask for each in cut]),
            "token_type_ids": np.array([each.type_ids for each in cut]),
        }
        return session.run(None, pieces)[0].tolist()

    return answer


def write_onnx(models: Path) -> None:
    """Writes the model in Hugging Face's folder for ONNX Runtime, by PyTorch's exporter."""
    import torch
    import transformers

    model = transformers.AutoModelForSequenceClassification.from_pretrained(models / HUGGING_FACE).eval()

    class Probabilities(torch.nn.Module):
        def forward(self, input_ids: object, attention_mask: object, token_type_ids: object) -> object:
            return model(input_ids, attention_mask, token_type_ids).logits.softmax(-1)

    names = ["input_ids", "attention_mask", "token_type_ids"]
    dimensions = {0: torch.export.Dim("rows"), 1: torch.export.Dim("length")}
    example = tuple(torch.ones([2, 16], dtype=torch.long) for _ in names)
    torch.onnx.export(
        Probabilities(), example, models / ONNX, input_names=names, dynamic_shapes=[dimensions] * len(names)
    )


PROGRAMS: dict[str, Callable[[Path, int], Answer]] = {
    "predictor": predictor,
    "litert": litert,
    "saved_model": saved_model,
    "pipeline": pipeline,
    "onnx_runtime": onnx_runtime,
}


def answer_texts(job: dict) -> tuple[dict, Callable[[], dict]]:
    """Answers a first text, then all; prepares the measurement of single texts and of batches.

    The facts are when the first answer was there, in seconds since 1970, and the answers.
    """
    texts = json.loads(Path(job["texts"]).read_text(encoding="utf-8"))
    answer = PROGRAMS[job["program"]](Path(job["models"]), job["threads"])
    answer(texts["single"][:1])
    first_answer_at = time.time()
    answers = [answer([text])[0] for text in texts["checked"]]

    def measure() -> dict:
        calls = [_seconds(answer, [texts["single"][call % len(texts["single"])]]) for call in range(CALLS)]
        return {
            "calls": calls,
            "texts_per_second": {size: _texts_per_second(answer, texts["many"], size) for size in job["batch_sizes"]},
        }

    return {"first_answer_at": first_answer_at, "answers": answers}, measure


def _seconds(answer: Answer, texts: Sequence[str]) -> float:
    started = time.perf_counter()
    answer(texts)
    return time.perf_counter() - started


def _texts_per_second(answer: Answer, texts: Sequence[str], size: int) -> float:
    batches = [texts[start : start + size] for start in range(0, len(texts), size)]
    return len(texts) / sum(_seconds(answer, batch) for batch in batches)


def prepare(job: dict) -> tuple[dict, Callable[[], dict] | None]:
    """Prepares a job: `"answers"`, or `"onnx"` to write the model for ONNX Runtime."""
    if job["kind"] == "onnx":
        write_onnx(Path(job["models"]))
        return {}, None
    return answer_texts(job)


if __name__ == "__main__":
    serve(prepare)
