"""Holds the filling of masks against Hugging Face's transformers, which has an environment of its own.

    python -m venv /tmp/peer && /tmp/peer/bin/pip install torch transformers
    python tests/peers/check_transformers_masks.py --peer=/tmp/peer/bin/python splade-tiny texts.txt

The arguments are a pre-trained model, whatever `bert_tf.load` takes, and a file of texts, one a line. It masks a word
of each text, exports the model, and compares the five best pieces and their scores with those of transformers'
fill-mask pipeline on the export. Texts that the pipeline has to cut are left out.
"""

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

BOUND = 1e-5


def main() -> None:
    peer, model, file = sys.argv[1].removeprefix("--peer="), *sys.argv[2:]
    from bert_tf.programs.export_huggingface import export
    from bert_tf.serving.predictor import load

    texts = masked_texts(Path(file).read_text(encoding="utf-8").splitlines())
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder, "exported")
        exported.mkdir()
        export(model, exported, "exported")
        job = Path(folder, "job.json")
        job.write_text(json.dumps({"folder": str(exported), "texts": texts}))
        subprocess.run([peer, __file__, "--answer", str(job)], check=True)
        answers = json.loads(job.read_text())
    kept = [(text, answer) for text, answer in zip(texts, answers, strict=True) if answer]
    report(load(model).fill_mask([text for text, _ in kept], top_k=5), [answer for _, answer in kept], len(texts))


def masked_texts(lines: list[str]) -> list[str]:
    draw, texts = random.Random(0), []
    for words in filter(None, map(str.split, lines)):
        words[draw.randrange(len(words))] = "[MASK]"
        texts.append(" ".join(words))
    return texts


def report(ours: list, theirs: list[list], total: int) -> None:
    difference, others = 0.0, 0
    for [fillings], answer in zip(ours, theirs, strict=True):
        others += [each.token for each in fillings] != [token for token, _ in answer]
        difference = max(
            difference, *(abs(each.score - score) for each, (_, score) in zip(fillings, answer, strict=True))
        )
    print(f"{len(ours)} of {total} texts compared: {others} with other pieces, or in another order")
    print(f"largest difference of a score {difference:.1e}, allowed {BOUND:g}")


def answer(path: Path) -> None:
    """Computes the peer's side, in its environment."""
    from transformers import pipeline

    job = json.loads(path.read_text())
    fill = pipeline("fill-mask", model=job["folder"], tokenizer=job["folder"])
    tokenizer, found = fill.tokenizer, []
    for text in job["texts"]:
        is_short = len(tokenizer(text)["input_ids"]) <= tokenizer.model_max_length
        answers = fill(text, top_k=5) if is_short else []
        found.append([[tokenizer.convert_ids_to_tokens(each["token"]), each["score"]] for each in answers])
    path.write_text(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1] == "--answer":
        answer(Path(sys.argv[2]))
    else:
        main()
