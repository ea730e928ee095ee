"""The flags that complete the folder of a model, for programs that take a fine-tuned model."""

import dataclasses

from bert_tf.training.fields import FlagConfig, flag


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFilesConfig(FlagConfig):
    """The files and labels that the original's output folder lacks."""

    bert_config_file: str | None = flag(
        None,
        "The bert_config.json, if the folder has none, as the original's output folder.",
        resume=False,
        is_path=True,
    )
    vocab_file: str | None = flag(
        None, "The vocabulary, if the folder has none, as the original's output folder.", resume=False, is_path=True
    )
    labels: str | None = flag(
        None,
        "The labels in the order of the outputs, with commas between, if the folder has none, as the original's output "
        "folder.",
        resume=False,
    )

    @property
    def model_files(self) -> dict[str, object]:
        """The arguments of `load` and `read_fine_tuned` that complete a folder.

        Example:
            >>> ModelFilesConfig(labels="bad, good").model_files
            {'labels': ['bad', 'good']}
        """
        given = {
            "bert_config_file": self.bert_config_file,
            "vocab_file": self.vocab_file,
            "labels": self.labels and [label.strip() for label in self.labels.split(",")],
        }
        return {name: value for name, value in given.items() if value is not None}
