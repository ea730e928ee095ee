"""The flags of `predict`."""

import dataclasses
from collections.abc import Sequence

from bert_tf.errors import UserError
from bert_tf.programs.model_files_config import ModelFilesConfig
from bert_tf.serving.answer_forms import FORMS, form_of
from bert_tf.training.fields import flag


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictConfig(ModelFilesConfig):
    """The flags of `predict`: the texts, and the place for the answers."""

    input_file: str | None = flag(
        None,
        "Texts to predict: a CSV, TSV or JSON lines file with named columns, or a .txt file with a text a line, or a "
        "pair with a tab between. It may be larger than the memory. Lines that are blank are left out. For a "
        "model that answers questions it is a JSON file in SQuAD's form. For a model that tags words it is one of the "
        "first ones, or a .conll file with a word a line and a blank line between sentences.",
        resume=False,
        is_path=True,
    )
    output_file: str | None = flag(
        None,
        "Where to write; by default to standard output. The name says the form: .csv, .tsv, .jsonl or .txt. The "
        "columns of input_file are kept, and prediction and a probability_LABEL for each label are added, in JSON "
        "lines prediction and probabilities.",
        resume=False,
        is_path=True,
    )
    format: str | None = flag(
        None,
        "The form to write: text (a line to read for each text), csv, tsv or jsonl. By default that of the name of "
        "output_file, or else text. For answers to questions: text, json ({id: text}, as SQuAD's own scripts read "
        "it) or jsonl (with text, start, end and score). For named parts of texts: text, jsonl, or conll (a word and "
        "its tag a line).",
        resume=False,
        choices=(*FORMS, "json", "conll"),
    )
    overwrite: bool = flag(False, "Whether to replace output_file if it is there.", resume=False)
    text_column: str | None = flag(
        None,
        "The column of the text in input_file: its name, or its number from 0. By default that of the training, or "
        "the one that is known by its name, such as text, sentence or review.",
        resume=False,
    )
    text_pair_column: str | None = flag(
        None, "The column of the second text of a pair; also needs text_column.", resume=False
    )
    null_score_diff_threshold: float | None = flag(
        None,
        "For a model that answers questions: if having no answer has a score larger by more than this, the answer is "
        "empty. By default 0 for a model that was trained with --version_2_with_negative; others always answer.",
        resume=False,
    )
    predict_batch_size: int = flag(
        32, "How many texts to compute at a time; it does not change the answers.", resume=False, lower_bound=1
    )

    def check_labels(self) -> None:
        """Raises `UserError` if a flag is only for models that answer questions."""
        if self.null_score_diff_threshold is not None:
            raise UserError("null_score_diff_threshold: only valid with a model that answers questions")
        # The name of output_file must say the form.
        if self.form not in FORMS:
            raise UserError(f"format: is {self.form}, which is not for labels; known are {', '.join(FORMS)}")

    @property
    def form(self) -> str:
        """The form to write."""
        return self.format or (form_of(self.output_file) if self.output_file else "text")

    def check(self, texts: Sequence[str]) -> None:
        """Raises `UserError` if the flags contradict one another, or the texts of the command line."""
        if texts and self.input_file:
            raise UserError("input_file: texts are on the command line, too; give either")
        if len(texts) > 2:
            raise UserError(
                f"there are {len(texts)} texts; give one or a pair, and more of them as lines on standard input or "
                "with --input_file"
            )
        for field in ("text_column", "text_pair_column"):
            if getattr(self, field) is not None and not self.input_file:
                raise UserError(f"{field}: only valid with --input_file")
            if getattr(self, field) == "":
                raise UserError(f"{field}: is empty; give a value, or leave the flag out")
        if self.overwrite and not self.output_file:
            raise UserError("overwrite: only valid with --output_file")
