"""Holds the tags of a run against Hugging Face's transformers, which has an environment of its own.

    python -m venv /tmp/peer && /tmp/peer/bin/pip install torch transformers
    python tests/peers/check_transformers_tags.py --peer=/tmp/peer/bin/python output/NER/all-MiniLM-L6-v2

The argument is a finished run of run_ner.py with --do_eval. It exports the model and compares the tags, and the
probability of each sentence, with those in the run's eval_predictions.tsv. Sentences that transformers has to cut are
left out.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

BOUND = 1e-5


def main() -> None:
    peer, output_dir = sys.argv[1].removeprefix("--peer="), Path(sys.argv[2])
    from bert_tf.programs.export_huggingface import export

    header, *rows = (line.split("\t") for line in (output_dir / "eval_predictions.tsv").read_text().splitlines())
    rows = [dict(zip(header, row, strict=True)) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder, "exported")
        exported.mkdir()
        export(str(output_dir), exported, "exported")
        job = Path(folder, "job.json")
        job.write_text(json.dumps({"folder": str(exported), "sentences": [json.loads(row["words"]) for row in rows]}))
        subprocess.run([peer, __file__, "--answer", str(job)], check=True)
        report(rows, json.loads(job.read_text()), json.loads((output_dir / "task.json").read_text())["repair"])


def report(rows: list[dict], answers: list[dict | None], repair: str) -> None:
    from bert_tf.data.tag_schemes import to_bio

    pairs = [(row, answer) for row, answer in zip(rows, answers, strict=True) if answer]
    others = sum(json.loads(row["prediction"]) != list(to_bio(answer["tags"], repair=repair)) for row, answer in pairs)
    difference = max(abs(float(row["probability"]) - answer["probability"]) for row, answer in pairs)
    print(f"{len(pairs)} of {len(rows)} sentences compared: {others} with other tags")
    print(f"largest difference of a sentence's probability {difference:.1e}, allowed {BOUND:g}")


def answer(path: Path) -> None:
    """Computes the peer's side, in its environment."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    job = json.loads(path.read_text())
    tokenizer = AutoTokenizer.from_pretrained(job["folder"])
    model = AutoModelForTokenClassification.from_pretrained(job["folder"]).eval()
    found = []
    for words in job["sentences"]:
        pieces = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        of_word = pieces.word_ids()
        if len(of_word) > tokenizer.model_max_length:
            found.append(None)
            continue
        first = [at for at, word in enumerate(of_word) if word is not None and word != of_word[at - 1]]
        with torch.inference_mode():
            probabilities = model(**pieces).logits[0, first].double().softmax(-1).numpy()
        tags = [model.config.id2label[number] for number in probabilities.argmax(1).tolist()]
        found.append({"tags": tags, "probability": float(np.prod(probabilities.max(1)))})
    path.write_text(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1] == "--answer":
        answer(Path(sys.argv[2]))
    else:
        main()
