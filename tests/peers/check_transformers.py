"""Holds an export against Hugging Face's transformers, which has an environment of its own.

    python -m venv /tmp/peer && /tmp/peer/bin/pip install torch transformers
    python tests/peers/check_transformers.py --peer=/tmp/peer/bin/python output/MRPC/all-MiniLM-L6-v2 $GLUE_DIR/MRPC

The arguments are a finished run of a known task and the folder of its dev set. It compares labels and probabilities of
the dev set, the word pieces of every character in several neighborhoods (a vocabulary that spells lets no difference
hide behind [UNK]), those of random hard texts, and those of pairs that are truncated. It takes about ten minutes.
"""

import itertools
import json
import random
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

# Letters whose case is special, accents and marks, white space, dropped characters, Chinese, punctuation, and words.
HARD = [
    *"aAzZ\u00e9\u00c9\u03a3\u03c2\u03c3\u0130\u0131\u00df'.:- \t\n\u00a0\u0300\u0301\u0316\U0001d165\u302e\u00ad",
    *"\u4e2d\u3400\ufa0e\uff01#\u2028\x00\ufffd\U00011938\U0001f600\ue000\u0378",
    *("[SEP]", "[CLS]", "[MASK]", "[UNK]", "[PAD]", "##a", " the ", " company ", "a" * 100, "a" * 201),
]
NEIGHBORS = ("{}", "a{}b", "A{}\u03a3", "\u03a3{}", "A\u03a3{}A", "e{}\u0316\u0301", "\U0001d165{}\u302e")
BOUND = 1e-5


def main() -> None:
    peer, output_dir, data_dir = sys.argv[1].removeprefix("--peer="), *sys.argv[2:]
    from bert_tf.models.fine_tuned import read_fine_tuned
    from bert_tf.programs.export_huggingface import export

    model = read_fine_tuned(output_dir)
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder, "exported")
        exported.mkdir()
        export(output_dir, exported, "exported")
        check_answers(peer, exported, output_dir, dev_texts(model, data_dir))
        check_pieces(peer, exported, model.tokenizer(), "random hard texts", hard_texts(100_000))
        check_truncation(peer, exported, model, list(itertools.pairwise(hard_texts(20_000))))
        for lower in (True, False):
            check_characters(peer, Path(folder), lower)


def dev_texts(model, data_dir: str) -> list:
    from bert_tf.data.processors import find_processor

    examples = find_processor(model.run["training"]["task_name"]).get_dev_examples(data_dir)
    return [each.text_a if each.text_b is None else [each.text_a, each.text_b] for each in examples]


def hard_texts(count: int) -> list[str]:
    draw = random.Random(0)
    return ["".join(draw.choices(HARD, k=draw.randint(1, 40))) for _ in range(count)]


def check_answers(peer: str, exported: Path, output_dir: str, texts: list) -> None:
    from bert_tf.serving.predictor import load

    ours = load(output_dir).predict([text if isinstance(text, str) else tuple(text) for text in texts])
    theirs = ask(peer, {"action": "answers", "folder": str(exported), "texts": texts})
    found = np.array([list(each.probabilities.values()) for each in ours])
    difference = np.abs(found - np.array(theirs["probabilities"])).max()
    others = sum(each.label != label for each, label in zip(ours, theirs["labels"], strict=True))
    report(f"{len(texts)} texts of the dev set: largest difference {difference:.1e}, other labels", others)
    report(f"differences above {BOUND:g}", int(difference > BOUND))


def check_characters(peer: str, folder: Path, lower: bool) -> None:
    """Compares the pieces of every character with a vocabulary that has every character as a piece."""
    from bert_tf.checkpoints.huggingface_tokenizer import tokenizer_config, tokenizer_json
    from bert_tf.data.tokenization import FullTokenizer

    spelled = folder / f"spelled_{lower}"
    spelled.mkdir()
    chars = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    pieces = [char for char in chars if char.strip() and unicodedata.category(char) not in ("Cc", "Cf")]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(start + piece for piece in pieces for start in ("", "##"))]
    (spelled / "vocab.txt").write_text("\n".join(words), encoding="utf-8", newline="\n")
    tokenizer = FullTokenizer(spelled / "vocab.txt", lower)
    (spelled / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (spelled / "tokenizer.json").write_text(json.dumps(tokenizer_json(tokenizer.vocab, lower)))
    (spelled / "tokenizer_config.json").write_text(json.dumps(tokenizer_config(tokenizer.vocab, lower, 512)))
    for form in NEIGHBORS:
        texts = [form.format(char) for char in chars]
        check_pieces(peer, spelled, tokenizer, f"all characters in {form!a}, lowercased: {lower}", texts)


def check_pieces(peer: str, folder: Path, tokenizer, what: str, texts: Sequence[str]) -> None:
    theirs = ask(peer, {"action": "pieces", "folder": str(folder), "texts": texts})["ids"]
    others = []
    for start in range(0, len(texts), 4096):
        rows = tokenizer.token_ids(list(texts[start : start + 4096])).to_list()
        others += [texts[start + row] for row, ids in enumerate(rows) if ids != theirs[start + row]]
    report(what, len(others), others)


def check_truncation(peer: str, exported: Path, model, pairs: list) -> None:
    from bert_tf.data.examples import InputExample
    from bert_tf.data.features import make_features

    examples = [InputExample("", *pair) for pair in pairs]
    features = make_features(examples, model.max_seq_length, model.tokenizer(), {})
    ours = features.input_ids.to_list()
    theirs = ask(peer, {"action": "truncated", "folder": str(exported), "texts": pairs})["ids"]
    others = [pair for pair, a, b in zip(pairs, ours, theirs, strict=True) if a != b]
    report(f"{len(pairs)} pairs, {features.num_truncated} truncated", len(others))


def report(what: str, others: int, examples: Iterable[str] = ()) -> None:
    shown = ", ".join(ascii(text) for text in list(examples)[:3])
    print(f"{what}: {others:,}" + (f" different, such as {shown}" if shown else ""), flush=True)


def ask(peer: str, job: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "job.json")
        path.write_text(json.dumps(job))
        subprocess.run([peer, __file__, "--answer", str(path)], check=True)
        return json.loads(path.read_text())


def answer(path: Path) -> None:
    """Computes the peer's side, in its environment."""
    from transformers import AutoTokenizer, logging

    logging.set_verbosity_error()
    job = json.loads(path.read_text())
    tokenizer = AutoTokenizer.from_pretrained(job["folder"])
    actions = {"answers": answers, "pieces": pieces, "truncated": truncated}
    path.write_text(json.dumps(actions[job["action"]](tokenizer, job["texts"], job["folder"])))


def pieces(tokenizer, texts: list[str], folder: str) -> dict:
    return {"ids": tokenizer(texts, add_special_tokens=False)["input_ids"]}


def truncated(tokenizer, pairs: list, folder: str) -> dict:
    return {"ids": tokenizer(*map(list, zip(*pairs, strict=True)), truncation=True)["input_ids"]}


def answers(tokenizer, texts: list, folder: str) -> dict:
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    found = []
    for start in range(0, len(texts), 32):
        batch = tokenizer(texts[start : start + 32], truncation=True, padding=True, return_tensors="pt")
        with torch.inference_mode():
            found += model(**batch).logits.softmax(-1).tolist()
    return {"probabilities": found, "labels": [model.config.id2label[int(np.argmax(row))] for row in found]}


if __name__ == "__main__":
    if sys.argv[1] == "--answer":
        answer(Path(sys.argv[2]))
    else:
        main()
