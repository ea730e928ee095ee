"""Tasks in several languages: a model is trained on one of them and evaluated on others, without examples of those.

processor = XnliProcessor()
processor.choose_languages("en", "all")
processor.get_dev_examples("data/XNLI")     # of all 15 languages, each example with its language as its group
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from absl import logging

from bert_tf.data.data_processor import DataProcessor
from bert_tf.data.examples import InputExample
from bert_tf.data.tsv import TsvFile
from bert_tf.errors import UserError, counted, printable, shown
from bert_tf.remote import as_path

ALL = "all"
# PAWS-X has it where a sentence was not translated.
_NOT_TRANSLATED = "NS"


class MultilingualProcessor(DataProcessor):
    """A task whose files have the same examples in several languages.

    Attributes:
        known_languages: the codes of the languages that the corpus has.
        language: of training, development and test set, if none are chosen: "zh", as in the original.
    """

    group_name = "language"
    known_languages: Sequence[str] = ()
    language: str = "zh"
    _chosen: tuple[str | None, Sequence[str]] = (None, ())

    def choose_languages(self, train_language: str | None, eval_languages: str | None) -> None:
        """Chooses the languages.

        Args:
            train_language: the code of the training set's; None for `language`.
            eval_languages: those of development and test set: a code, several with commas between them, or `"all"`;
                None for `language`.

        Raises:
            UserError: the corpus does not have a language.

        Example:
            >>> processor = XnliProcessor()
            >>> processor.choose_languages("en", "ZH, ar")
            >>> processor.train_language, processor.eval_languages
            ('en', ('ar', 'zh'))
        """
        languages = () if eval_languages is None else self.find_languages(eval_languages, "xnli_language")
        train = None if train_language is None else self.find_language(train_language, "train_language")
        self._chosen = (train, languages)

    @classmethod
    def find_language(cls, text: str, flag: str) -> str:
        """Returns the code of the language that a flag names.

        Raises:
            UserError: the corpus does not have it.
        """
        code = text.strip().lower()
        if code not in cls.known_languages:
            raise UserError(f"{flag}: is {shown(text)}; it must be one of {', '.join(cls.known_languages)}")
        return code

    @classmethod
    def find_languages(cls, text: str, flag: str) -> tuple[str, ...]:
        """Returns the codes of the languages that a flag names, each once and in the order of the corpus.

        Raises:
            UserError: the corpus does not have one of them.

        Example:
            >>> PawsxProcessor.find_languages("zh,de,zh", "xnli_language")
            ('de', 'zh')
        """
        codes = [code.strip().lower() for code in text.split(",")]
        if codes == [ALL]:
            return tuple(cls.known_languages)
        unknown = next((code for code in codes if code not in cls.known_languages), None)
        if unknown is not None:
            known = ", ".join(cls.known_languages)
            raise UserError(f"{flag}: has {shown(unknown)}; choose from {known}, with commas between them, or {ALL}")
        return tuple(code for code in cls.known_languages if code in codes)

    @property
    def train_language(self) -> str:
        """The language of the training set."""
        return self._chosen[0] or self.language

    @property
    def eval_languages(self) -> Sequence[str]:
        """The languages of development and test set."""
        return self._chosen[1] or (self.language,)

    @property
    def _has_groups(self) -> bool:
        return len(self.eval_languages) > 1


class XnliProcessor(MultilingualProcessor):
    """XNLI: MultiNLI's question in other languages (Conneau et al. 2018); the original's class of this name."""

    known_languages = (*("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),)
    labels = ("contradiction", "entailment", "neutral")
    label_aliases: ClassVar[Mapping[str, str]] = {"contradictory": "contradiction"}

    @property
    def train(self) -> TsvFile:
        """MultiNLI's training set, machine-translated."""
        name = f"multinli/multinli.train.{self.train_language}.tsv"
        return TsvFile(name, text_a=0, text_b=1, label=2, quoted=False)

    @property
    def dev(self) -> TsvFile:
        """The development set, which has all languages in one file."""
        return self._file("xnli.dev.tsv", label=1)

    @property
    def test(self) -> TsvFile:
        """The test set, in the form of the development set."""
        return self._file("xnli.test.tsv", label=None)

    def _file(self, name: str, label: int | None) -> TsvFile:
        only, group = (0, tuple(self.eval_languages)), 0 if self._has_groups else None
        return TsvFile(name, text_a=6, text_b=7, label=label, only=only, group=group, quoted=False)


class PawsxProcessor(MultilingualProcessor):
    """PAWS-X: do two sentences of nearly the same words mean the same (Yang et al. 2019)?

    Each language has files of its own. Those of English were not translated.
    """

    known_languages = ("de", "en", "es", "fr", "ja", "ko", "zh")
    labels = ("0", "1")
    metrics = ("accuracy",)

    @property
    def train(self) -> TsvFile:
        """The training set, machine-translated."""
        name = "train" if self.train_language == "en" else "translated_train"
        return self._file(self.train_language, name, label=3)

    def get_dev_examples(self, data_dir: str | Path) -> list[InputExample]:
        """Reads the development sets of the languages; raises the errors of `read_examples`."""
        return self._read_languages(data_dir, "dev", "dev_2k", label=3)

    def get_test_examples(self, data_dir: str | Path) -> list[InputExample]:
        """Reads the test sets of the languages; raises the errors of `read_examples`."""
        return self._read_languages(data_dir, "test", "test_2k", label=None)

    def _file(self, language: str, name: str, label: int | None) -> TsvFile:
        return TsvFile(f"x-final/{language}/{name}.tsv", guid=0, text_a=1, text_b=2, label=label, quoted=False)

    def _read_languages(self, data_dir: str | Path, split: str, name: str, label: int | None) -> list[InputExample]:
        found = []
        for language in self.eval_languages:
            file = self._file(language, name, label)
            group = language if self._has_groups else None
            set_type = f"{split}-{language}" if self._has_groups else split
            examples = _translated(self.read_examples(data_dir, file, set_type), as_path(data_dir) / file.name)
            found += [dataclasses.replace(example, group=group) for example in examples]
        return found


def _translated(examples: Sequence[InputExample], path: object) -> Sequence[InputExample]:
    """Leaves out the examples that the corpus' README asks to leave out."""
    found = [each for each in examples if _NOT_TRANSLATED not in (each.text_a.strip(), each.text_b.strip())]
    if len(found) < len(examples):
        logging.warning(
            "%s: left out %s with %s in place of a sentence, which was not translated.",
            printable(path),
            counted(len(examples) - len(found), "example"),
            _NOT_TRANSLATED,
        )
    return found
