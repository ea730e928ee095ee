"""The flags of tasks in several languages."""

import dataclasses

from bert_tf.data.multilingual import ALL, MultilingualProcessor
from bert_tf.data.processors import PROCESSORS, multilingual_class
from bert_tf.errors import UserError
from bert_tf.training.fields import FlagConfig, flag, flags_of

_TASKS = " and ".join(name for name in sorted(PROCESSORS) if multilingual_class(name))


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageConfig(FlagConfig):
    """The languages of training, evaluation and prediction."""

    train_language: str | None = flag(
        None,
        f"The language to train on, for {_TASKS}, such as en. By default zh, as in the original.",
        resume=True,
        ignores_case=True,
    )
    xnli_language: str | None = flag(
        None,
        f"The languages to evaluate and predict, for {_TASKS}: one, several with commas, such as ar,en,zh, or all. Of "
        "several, each also has its own scores. By default zh, as in the original.",
        resume=False,
    )

    def settle_languages(self, processor_class: type[MultilingualProcessor]) -> None:
        """Gives the same choice of languages the same value, however it is written: None for those of the original.

        Raises:
            UserError: the corpus does not have a language.
        """
        train, languages = self.train_language, self.xnli_language
        if train is not None:
            train = processor_class.find_language(train, "train_language")
        if languages is not None:
            found = processor_class.find_languages(languages, "xnli_language")
            languages = ALL if found == tuple(processor_class.known_languages) else ",".join(found)
        for field, value in (("train_language", train), ("xnli_language", languages)):
            object.__setattr__(self, field, None if value == processor_class.language else value)

    def check_no_languages(self) -> None:
        """Raises `UserError` if a flag is given for another task."""
        for field in flags_of(LanguageConfig):
            if getattr(self, field) is not None:
                raise UserError(f"{field}: only valid for {_TASKS}")
