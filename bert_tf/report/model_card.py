"""Writes the model card of an exported model, the README.md of a Hugging Face folder.

model_card(ModelFacts("my-mrpc", kind="classification", labels=("0", "1"), config=config))
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath

from bert_tf.report.escaping import markdown_text, one_line
from bert_tf.report.formatting import flag_text, listed
from bert_tf.report.scores import LOSS, Score, scores_among

# Flags whose values are paths on the machine of the run, of which a card shows the last part.
_PATHS = ("model", "init_checkpoint", "bert_config_file", "vocab_file", "data_dir", "train_file", "predict_file")
# Facts of run.json that are no flags.
_FACTS = ("num_train_steps", "train_data")
# Hugging Face's names of scores that the Hub can show.
_METRICS = {
    "eval_accuracy": "accuracy",
    "eval_exact_match": "exact_match",
    "eval_f1": "f1",
    "eval_macro_f1": "f1",
    "eval_micro_f1": "f1",
    "eval_matthews": "matthews_correlation",
    "eval_pearson": "pearsonr",
    "eval_spearman": "spearmanr",
    "eval_mse": "mse",
    "eval_precision": "precision",
    "eval_recall": "recall",
    "eval_auc": "roc_auc",
}
_TEXTS = {True: "a pair of texts", False: "a text", None: "a text or a pair of texts"}


@dataclasses.dataclass(frozen=True)
class _Kind:
    """The parts of a card that depend on the kind of the model.

    Attributes:
        tag: the Hub's name of its task.
        model: the class of transformers.
        purpose: a sentence.
        answers: the lines of code that use the model.
        length: a sentence on long texts.
    """

    tag: str
    model: str
    purpose: str
    answers: tuple[str, ...]
    length: str = ""


def _output(name: str) -> str:
    return f'{name} = model(**tokenizer({{texts}}, truncation=True, return_tensors="pt")).{name}'


def _kind_of_labels(purpose: str, answer: str) -> _Kind:
    return _Kind(
        tag="text-classification",
        model="AutoModelForSequenceClassification",
        purpose=f"For {{texts}} it {purpose}.",
        answers=(_output("logits"), answer),
        length="Texts are truncated to {length} word pieces, as in training.",
    )


def _kind_of_masks(purpose: str) -> _Kind:
    return _Kind(
        tag="fill-mask",
        model="AutoModelForMaskedLM",
        purpose=f"It is pre-trained: it {purpose}. For all else fine-tune it first.",
        answers=(
            'inputs = tokenizer("Paris is the [MASK] of France .", return_tensors="pt")',
            "logits = model(**inputs).logits[inputs.input_ids == tokenizer.mask_token_id]",
            "pieces = tokenizer.convert_ids_to_tokens(logits[0].topk(5).indices)",
        ),
    )


_KINDS = {
    None: _Kind(
        tag="feature-extraction",
        model="AutoModel",
        purpose="It is pre-trained: fine-tune it before it answers anything.",
        answers=(_output("last_hidden_state"),),
    ),
    "pretraining": _kind_of_masks("fills masks and finds whether a text follows another"),
    "masked_lm": _kind_of_masks("fills masks"),
    "classification": _kind_of_labels(
        "chooses one of {labels}", "probabilities = logits.softmax(-1)  # in the order of model.config.id2label"
    ),
    "multi_label": _kind_of_labels(
        "chooses any number of {labels}", "probabilities = logits.sigmoid()  # in the order of model.config.id2label"
    ),
    "regression": _kind_of_labels("gives a number", "numbers = logits[:, 0]"),
    "question_answering": _Kind(
        tag="question-answering",
        model="AutoModelForQuestionAnswering",
        purpose="For a question and a text it finds the answer, a part of the text.",
        answers=(
            'texts = ("A question?", "A text with the answer.")',
            'inputs = tokenizer(*texts, truncation="only_second", return_tensors="pt")',
            "output = model(**inputs)",
            "start, end = output.start_logits[0].argmax(), output.end_logits[0].argmax()",
            "answer = tokenizer.decode(inputs.input_ids[0, start : end + 1])",
        ),
        length="Longer texts were read in windows of {length} word pieces.",
    ),
    "token_classification": _Kind(
        tag="token-classification",
        model="AutoModelForTokenClassification",
        purpose="It gives each word of a text one of {labels}.",
        answers=(
            'words = ["Some", "words", "."]  # the tag of a word is that of its first piece',
            'inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")',
            "ids = model(**inputs).logits[0].argmax(-1).tolist()",
            "of_word = inputs.word_ids()",
            "first = [at for at, word in enumerate(of_word) if word is not None and word != of_word[at - 1]]",
            "tags = [model.config.id2label[ids[at]] for at in first]",
        ),
        length="Longer sentences were read in windows of {length} word pieces.",
    ),
}


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """The facts that a model card shows.

    Attributes:
        name: of the folder.
        shape: of the encoder, in words.
        tokenizer: a sentence on its tokenizer.
        max_seq_length: to which texts are truncated.
        kind: of the labels; None for a pre-trained encoder, `"pretraining"` or `"masked_lm"` if it has such heads.
        labels: in the order of the head's outputs.
        pairs: whether it was trained on pairs of texts; None if unknown.
        scores: of the dev set, by their names in results.json.
        training: the settings of the training in run.json; empty if unknown.
        dataset: the name of the data; None if unknown.
        dev_data: a digest of the dev set; None if unknown.
    """

    name: str
    shape: str
    tokenizer: str
    max_seq_length: int
    kind: str | None = None
    labels: Sequence[str] = ()
    pairs: bool | None = None
    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)
    training: Mapping[str, object] = dataclasses.field(default_factory=dict)
    dataset: str | None = None
    dev_data: str | None = None

    @property
    def known_scores(self) -> list[Score]:
        """The scores without the loss."""
        return scores_among(self.scores)


def model_card(facts: ModelFacts) -> str:
    """Returns a model card: the facts for the Hub as YAML, then Markdown for readers."""
    parts = [_front_matter(facts), _introduction(facts), _usage(facts), _evaluation(facts), _training(facts)]
    return "\n".join(part for part in [*parts, _tokenizer(facts)] if part)


# The facts for the Hub. Each value is written as JSON, which YAML contains.


def _front_matter(facts: ModelFacts) -> str:
    tag = _KINDS[facts.kind].tag
    lines = ["library_name: transformers", f"pipeline_tag: {tag}", "tags:", "- bert", "- bert-tf"]
    return "\n".join(["---", *lines, *_model_index(facts, tag), "---", ""])


def _model_index(facts: ModelFacts, tag: str) -> list[str]:
    """Lists the scores. The Hub refuses an index without a dataset or without scores."""
    known = [each for each in facts.known_scores if each.key in _METRICS]
    if not known or not facts.dataset:
        return []
    return [
        "model-index:",
        f"- name: {_yaml(facts.name)}",
        "  results:",
        f"  - task: {{type: {tag}}}",
        f"    dataset: {{name: {_yaml(facts.dataset)}, type: {_yaml(facts.dataset)}, split: dev}}",
        "    metrics:",
        *(
            f"    - {{type: {_METRICS[each.key]}, name: {_yaml(each.name)}, value: {facts.scores[each.key]!r}}}"
            for each in known
        ),
    ]


def _yaml(text: str) -> str:
    return json.dumps(one_line(text), ensure_ascii=False)


# For readers.


def _introduction(facts: ModelFacts) -> str:
    return f"# {markdown_text(facts.name)}\n\n{facts.shape}. {_purpose(facts)}\n"


def _purpose(facts: ModelFacts) -> str:
    labels = f"{len(facts.labels):,} labels ({listed([markdown_text(label) for label in facts.labels])})"
    return _KINDS[facts.kind].purpose.format(texts=_TEXTS[facts.pairs], labels=labels)


def _usage(facts: ModelFacts) -> str:
    kind = _KINDS[facts.kind]
    texts = '"A text.", "Another text."' if facts.pairs else '"A text."'
    lines = [
        f"from transformers import {kind.model}, AutoTokenizer",
        "",
        'folder = "."  # of this file, or its name on the Hub',
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        f"model = {kind.model}.from_pretrained(folder)",
        *(line.format(texts=texts) for line in kind.answers),
    ]
    return "\n".join(["## Use", "", "```python", *lines, "```", ""])


def _evaluation(facts: ModelFacts) -> str:
    if not facts.scores:
        return ""
    rows = [(markdown_text(each.heading_in_text), each.number(facts.scores[each.key])) for each in facts.known_scores]
    rows += [("loss", f"{facts.scores[LOSS]:.3f}")] if LOSS in facts.scores else []
    data = "The dev set" if facts.dataset is None else f"The dev set of {markdown_text(facts.dataset)}"
    digest = f" (digest `{one_line(facts.dev_data)}`)" if facts.dev_data else ""
    return "\n".join(["## Evaluation", "", f"{data}{digest}:", "", *_table(("score", "value"), rows), ""])


def _training(facts: ModelFacts) -> str:
    settings = {name: value for name, value in facts.training.items() if value is not None and name not in _FACTS}
    if not settings:
        return ""
    data = facts.training.get("train_data")
    digest = f" on data of the digest `{one_line(data)}`" if data else ""
    rows = [(f"`--{_flag_name(name)}`", _shown(name, value)) for name, value in sorted(settings.items())]
    return "\n".join(["## Training", "", f"With bert-tf{digest}:", "", *_table(("flag", "value"), rows), ""])


def _flag_name(name: str) -> str:
    return "bert_model" if name == "model" else one_line(name)


def _shown(name: str, value: object) -> str:
    # A path would say where the run's machine keeps its files.
    return markdown_text(PurePath(str(value)).name if name in _PATHS else flag_text(value))


def _tokenizer(facts: ModelFacts) -> str:
    length = _KINDS[facts.kind].length.format(length=facts.max_seq_length)
    sentences = [markdown_text(facts.tokenizer), *[length] * bool(length)]
    return f"## Tokenizer\n\n{' '.join(sentences)}\n"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_row(heading), _row(["---"] * len(heading)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
