"""The flags of `extract_features`."""

import dataclasses

from bert_tf.checkpoints.catalogue import DEFAULT_CHECKPOINT
from bert_tf.errors import UserError
from bert_tf.serving.feature_forms import FORMS, POOLINGS, parsed_layers
from bert_tf.training.config import MAX_BATCH_SIZE, ModelConfig, TextConfig
from bert_tf.training.fields import flag


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtractFeaturesConfig(ModelConfig, TextConfig):
    """The flags of `extract_features`: the original's, and those of the forms of its output.

    Raises:
        UserError: a flag is missing or out of its bounds, or flags contradict one another.
    """

    input_file: str | None = flag(
        None,
        'The texts, one a line, or two with " ||| " between them. The file may be larger than the memory.',
        resume=True,
        is_path=True,
    )
    output_file: str | None = flag(
        None,
        "Where to write. It is there when all is done; until then .NAME.unfinished next to it has what a killed "
        "extraction continues from.",
        resume=True,
        is_path=True,
    )
    layers: str = flag("-1,-2,-3,-4", "The layers to write: 0 is the first one, -1 the last.", resume=True)
    format: str | None = flag(
        None,
        "The form to write: json has the original's JSON lines, with values of 6 digits; npz has NumPy arrays of "
        "float32, one for each layer, named layer_-1 and so on. They are [texts, hidden] with pooling; without, they "
        "are [pieces, hidden], and offsets [texts + 1] says where each text begins; input_ids and input_type_ids "
        "[pieces] are there, too. np.load reads the file, and bert_tf.serving.feature_arrays.open_features one that "
        "is larger than the memory. By default npz if output_file ends with .npz, and else json.",
        resume=True,
        choices=FORMS,
    )
    pooling: str = flag(
        "none",
        "The vectors of each text and layer: none gives that of each word piece, cls that of [CLS], and mean the mean "
        "of all pieces, [CLS] and [SEP] included. In JSON lines a pooled text has its layers without features.",
        resume=True,
        choices=POOLINGS,
    )
    overwrite: bool = flag(
        False,
        "Whether to replace output_file if it is there, and to begin anew if it was begun with other settings.",
        resume=False,
    )
    max_seq_length: int = flag(
        128,
        "The maximum total input sequence length after WordPiece tokenization. Longer sequences are truncated.",
        resume=True,
        lower_bound=3,
    )
    batch_size: int = flag(
        32, "How many texts to compute at a time.", resume=True, lower_bound=1, upper_bound=MAX_BATCH_SIZE
    )
    use_tpu: bool = flag(False, "The original's flag. This program computes on the CPU or a GPU.", resume=False)
    master: str | None = flag(None, "The original's flag, for TPUs.", resume=False)
    num_tpu_cores: int = flag(8, "The original's flag, for TPUs.", resume=False, lower_bound=1)
    use_one_hot_embeddings: bool = flag(
        False, "The original's flag, for TPUs: another way to look up the same embeddings.", resume=False
    )

    @property
    def form(self) -> str:
        """The form to write."""
        return self.format or ("npz" if self.output_file.lower().endswith(".npz") else "json")

    @property
    def layer_numbers(self) -> tuple[int, ...]:
        """The layers to write."""
        return parsed_layers(self.layers)

    @property
    def model_or_default(self) -> str | None:
        """The name or folder of the model; None if its files are named one by one."""
        return self.model or (None if self.names_model else DEFAULT_CHECKPOINT)

    def __post_init__(self) -> None:
        super().__post_init__()
        for field in ("input_file", "output_file"):
            if not getattr(self, field):
                raise UserError(f"{field}: is missing; pass --{field}=FILE")
        if self.use_tpu or self.master:
            raise UserError(f"{'use_tpu' if self.use_tpu else 'master'}: this program runs on no TPU; leave it out")
        self.check_model()
        if self.names_model and not self.model and not self.init_checkpoint:
            raise UserError("init_checkpoint: is missing; pass --init_checkpoint=CHECKPOINT")
        # The numbers of the layers must be numbers.
        _ = self.layer_numbers
