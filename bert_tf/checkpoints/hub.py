"""Downloads models of the Hugging Face hub by their names. It needs the extra `hub`, and no TensorFlow.

folder = fetch_from_hub("hf://google-bert/bert-base-uncased@main")
"""

import re
from pathlib import Path

from bert_tf.errors import UserError, printable, reading, shown
from bert_tf.modeling.config import read_config_fields

_CONFIG = "config.json"
# Never a pickled file, and none of a subfolder.
_FILES = [
    _CONFIG,
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-*-of-*.safetensors",
]
_NAME = re.compile(r"hf://((?:[\w-][\w.-]*/)?[\w-][\w.-]*)(?:@([\w-][\w./-]*))?", re.ASCII)
_LOGIN = "log in with: hf auth login"


def fetch_from_hub(name: str) -> Path:
    """Downloads configuration, vocabulary and weights of a model, each file once, and returns their folder.

    The folder is in the cache of huggingface_hub (HF_HOME), where transformers finds the files as well. What is there
    is used if the hub cannot be reached. Models of other kinds than BERT are refused before their weights are
    downloaded.

    Args:
        name: `hf://ORGANIZATION/NAME`, or `hf://ORGANIZATION/NAME@REVISION` for a branch, a tag or a commit.

    Raises:
        UserError: the package huggingface_hub is missing, this is no name, there is no such model, or the network
            fails.
    """
    match = _NAME.fullmatch(name)
    if not match:
        raise UserError(f"{shown(name)}: is no model of the hub; give it as hf://ORGANIZATION/NAME")
    config = _download(name, match[1], match[2], [_CONFIG]) / _CONFIG
    if not config.is_file():
        raise UserError(f"{printable(name)}: has no {_CONFIG}; give the name of a BERT")
    read_config_fields(config)
    # The folder has the name of the commit: a model that is changed in between stays of one piece.
    folder = _download(name, match[1], config.parent.name, _FILES)
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"{printable(name)}: has no model.safetensors, and pickled weights are not read; give a model or a "
            "revision that has it, as in hf://ORGANIZATION/NAME@refs/pr/1"
        )
    return folder


def _download(name: str, repository: str, revision: str | None, files: list[str]) -> Path:
    try:
        from huggingface_hub import errors, snapshot_download
    except ModuleNotFoundError as error:
        raise UserError(
            f"{printable(name)}: needs the package {error.name}, which is not installed; install it with: "
            "pip install 'bert-tf[hub]'"
        ) from error
    # The library's own messages have several sentences and an address. A gated model is one that is not found, too.
    known = {
        errors.GatedRepoError: f"needs an agreement; accept it on the model's page, and {_LOGIN}",
        errors.RepositoryNotFoundError: f"is no model of the hub, or a private one; check the name, or {_LOGIN}",
        errors.RevisionNotFoundError: "has no such revision; give a branch, a tag or a commit of the model",
        errors.LocalEntryNotFoundError: "cannot be downloaded and is not in the cache; check the network",
    }
    with reading(name, "check the name and the network", "cannot be downloaded"):
        try:
            return Path(snapshot_download(repository, revision=revision, allow_patterns=files))
        except tuple(known) as error:
            problem = next(text for kind, text in known.items() if isinstance(error, kind))
            raise UserError(f"{printable(name)}: {problem}") from error
