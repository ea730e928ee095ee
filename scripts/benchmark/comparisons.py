"""Lists what is compared: the models, and for each section the sides that take turns."""

import dataclasses
import math

BATCH_SIZE = 32
MAX_SEQ_LENGTH = 128
# Of the windows of documents, as in the original's run_squad.py.
QUESTIONS_LENGTH = 384

# The length of texts in pre-training, and the number of them in a batch (Devlin et al. 2019, appendix A.2, has both
# lengths). A repetition has as many tokens as one of pairs at most.
PRETRAINING_SIZES = {128: 32, 512: 8}


def predictions_of(length: int) -> int:
    """Returns the number of masked pieces of a text: 15 %, rounded up as in the original's README."""
    return math.ceil(0.15 * length)


_SHAPE = {"vocab_size": 30522, "num_attention_heads": 12, "max_position_embeddings": 512, "type_vocab_size": 2}
# The shape of each BERT, and the number of batches in one repetition.
MODELS = {
    "base": (
        _SHAPE | {"hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072, "hidden_act": "gelu"},
        4,
    ),
    "small": (
        _SHAPE | {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536, "hidden_act": "gelu_erf"},
        12,
    ),
}


@dataclasses.dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        label: its name in the table.
        job: what its process computes, see `worker.JOBS` and `peer.JOBS`.
        is_peer: True for what runs in the peer's environment, False for this project.
        program: the file that its process runs; None for worker.py, or peer.py of a peer.
    """

    label: str
    job: dict
    is_peer: bool = False
    program: str | None = None


def ours(kind: str, dtype: str, batch_size: int = BATCH_SIZE) -> Side:
    """Describes our model, used as run_classifier.py uses it."""
    return Side(f"ours, {dtype}, batch {batch_size}", {"kind": kind, "dtype": dtype, "batch_size": batch_size})


def peer(kind: str, dtype: str, recipe: str, **job: object) -> Side:
    """Describes the model of transformers, used as a careful user would use it."""
    job = {"kind": kind, "dtype": dtype, "batch_size": BATCH_SIZE} | job
    return Side(f"transformers, {recipe}, batch {job['batch_size']}", job, is_peer=True)


# The first side of each comparison is the one whose ratio matters most.
COMPARISONS: dict[str, list[list[Side]]] = {
    "training": [
        [ours("training", "bfloat16"), peer("training", "bfloat16", "bfloat16 autocast, grouped by length")],
        [ours("training", "float32"), peer("training", "float32", "float32, grouped by length")],
    ],
    "notebook": [
        [
            ours("training", "bfloat16"),
            # Padded to one length, all its batches cost the same, so that one is enough to measure the speed.
            peer("training", "float32", "float32, padded to 512", batch_size=8, pad_to=512, max_examples=8),
        ]
    ],
    "inference": [
        [
            ours("inference", "bfloat16"),
            ours("inference", "bfloat16", batch_size=8),
            peer("inference", "bfloat16", "bfloat16 autocast, sorted by length"),
            peer("inference", "bfloat16", "bfloat16 weights, sorted by length", cast_weights=True),
        ],
        [
            ours("inference", "float32"),
            ours("inference", "float32", batch_size=8),
            peer("inference", "float32", "float32, sorted by length"),
        ],
    ],
}


def pretraining_sides(batch_size: int) -> list[list[Side]]:
    """Lists the comparisons of training on masked words; all texts have the same length."""
    recipes = {"bfloat16": "bfloat16 autocast", "float32": "float32"}
    return [
        [ours("training", dtype, batch_size), peer("training", dtype, recipe, batch_size=batch_size)]
        for dtype, recipe in recipes.items()
    ]


def answering(label: str, program: str, is_peer: bool = False) -> Side:
    """Describes a fine-tuned model in use; `program` is one of `answering.PROGRAMS`."""
    return Side(label, {"kind": "answers", "program": program}, is_peer, "answering.py")


# All have the same weights.
ANSWERING = [
    answering("ours, bert_tf.load", "predictor"),
    answering("ours, SavedModel", "saved_model"),
    answering("ours, LiteRT", "litert"),
    answering("transformers, pipeline", "pipeline", is_peer=True),
    answering("ONNX Runtime", "onnx_runtime", is_peer=True),
]
ONNX_EXPORT = Side("export to ONNX", {"kind": "onnx"}, is_peer=True, program="answering.py")
