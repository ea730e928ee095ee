"""Holds `bert_tf.load_encoder(...).encode` against sentence-transformers, which has an environment of its own.

    python -m venv /tmp/st && /tmp/st/bin/pip install sentence-transformers
    python tests/peers/check_sentence_transformers.py --peer=/tmp/st/bin/python $GLUE_DIR

The model is the small default one, and the pipeline its own: the mean of at most 256 pieces, normalized.
The texts are sentences of GLUE's dev sets, long texts joined of 30 of them, and hard ones: empty, white space, other
scripts, words of hundreds of characters. It takes about a minute.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

BOUND = 1e-5
# No [SEP] or the like, which transformers takes for the special piece and the original for three pieces, and no capital
# sigma at the end of a word, which the original lowercases as Python does, and transformers as at other places.
HARD = [
    *("", " ", "\t\n", ".", "a" * 300, "\u4e2d\u6587 \u9577\u57ce", "Caf\u00e9 Gr\u00f6\u00dfenwahn \U0001f642"),
    *("\u0130stanbul", "\u200b", "\ufeffword", "zero\u00adwidth", "a\u0300\u0316b"),
]


def main() -> None:
    peer, glue = sys.argv[1].removeprefix("--peer="), Path(sys.argv[2])
    import bert_tf
    from bert_tf.checkpoints.locate import resolve

    encoder, folder = bert_tf.load_encoder("all-MiniLM-L6-v2"), resolve("all-MiniLM-L6-v2").vocab_file.parent
    sentences = glue_sentences(glue)
    long = [" ".join(sentences[start : start + 30]) for start in range(0, 1500, 30)]
    for what, texts in {"sentences of GLUE": sentences[:1000], "long texts": long, "hard texts": HARD}.items():
        theirs = ask(peer, folder, texts)
        ours = encoder.encode(texts, normalize=True)
        report(what, np.array(theirs["vectors"], np.float32), ours, theirs["lengths"])


def glue_sentences(folder: Path) -> list[str]:
    """Sentences of MRPC's and RTE's dev sets, in their order."""
    found = []
    for name, columns in (("MRPC/dev.tsv", (3, 4)), ("RTE/dev.tsv", (1, 2))):
        rows = (folder / name).read_text(encoding="utf-8").splitlines()[1:]
        found += [row.split("\t")[column] for row in rows for column in columns]
    return found


def report(what: str, theirs: np.ndarray, ours: np.ndarray, lengths: list[int]) -> None:
    difference = np.abs(theirs - ours).max()
    cosine = (theirs * ours).sum(axis=1).min()
    print(
        f"{len(ours)} {what}, {min(lengths)} to {max(lengths)} pieces: largest difference {difference:.1e}, "
        f"smallest cosine {cosine:.7f}" + ("" if difference <= BOUND else f"; ABOVE {BOUND:g}"),
        flush=True,
    )


def ask(peer: str, folder: Path, texts: list[str]) -> dict:
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "job.json")
        path.write_text(json.dumps({"folder": str(folder), "texts": texts}))
        subprocess.run([peer, "-W", "ignore", __file__, "--answer", str(path)], check=True)
        return json.loads(path.read_text())


def answer(path: Path) -> None:
    """Computes the peer's side, in its environment."""
    from sentence_transformers import SentenceTransformer, models

    job = json.loads(path.read_text())
    # The parts and the length of the published model, whose own files say them.
    transformer = models.Transformer(job["folder"], max_seq_length=256)
    pooling = models.Pooling(transformer.get_word_embedding_dimension(), pooling_mode="mean")
    model = SentenceTransformer(modules=[transformer, pooling, models.Normalize()], device="cpu")
    lengths = [min(len(ids), 256) for ids in model.tokenizer(job["texts"])["input_ids"]]
    vectors = model.encode(job["texts"], batch_size=32)
    path.write_text(json.dumps({"vectors": vectors.tolist(), "lengths": lengths}))


if __name__ == "__main__":
    if sys.argv[1] == "--answer":
        answer(Path(sys.argv[2]))
    else:
        main()
