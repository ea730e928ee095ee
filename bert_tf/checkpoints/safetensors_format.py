"""Reads Hugging Face's `model.safetensors`. Nothing in it is executed or unpickled."""

from pathlib import Path

import numpy as np
from safetensors import safe_open


def read_safetensors(path: Path) -> list[tuple[str, np.ndarray]]:
    """Reads all arrays of a file.

    Returns:
        Pairs of a name and an array. The variables of the encoder have the original's names and shapes, all others
        keep theirs. A file of several encoders gives several pairs of the same name.
    """
    with safe_open(path, framework="np") as file:
        pairs = [(_original_name(name), file.get_tensor(name)) for name in file.keys()]  # noqa: SIM118
    # A linear layer of PyTorch is [out, in], of TensorFlow [in, out].
    return [(name, array.T if name.endswith("/kernel") else array) for name, array in pairs]


def _original_name(name: str) -> str:
    """Returns the original's name of a variable of Hugging Face's `BertModel`; other names stay the same.

    Example:
        >>> _original_name("bert.encoder.layer.0.output.LayerNorm.weight")
        'bert/encoder/layer_0/output/LayerNorm/gamma'
    """
    bare = name.removeprefix("bert.")
    if not bare.startswith(("embeddings.", "encoder.", "pooler.")):
        return name
    scope, _, leaf = bare.rpartition(".")
    scope = "bert/" + scope.replace(".", "/").replace("encoder/layer/", "encoder/layer_")
    if scope.endswith("_embeddings"):
        return scope
    if scope.endswith("/LayerNorm"):
        leaf = {"weight": "gamma", "bias": "beta"}.get(leaf, leaf)
    return f"{scope}/{leaf.replace('weight', 'kernel')}"
