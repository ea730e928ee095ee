r"""Writes hidden layers of BERT for texts: the original's extract_features.py.

    python scripts/extract_features.py --input_file=input.txt --output_file=output.jsonl \
        --vocab_file=$BERT_BASE_DIR/vocab.txt --bert_config_file=$BERT_BASE_DIR/bert_config.json \
        --init_checkpoint=$BERT_BASE_DIR/bert_model.ckpt --layers=-1,-2,-3,-4 --max_seq_length=128 --batch_size=8
    python scripts/extract_features.py --input_file=input.txt --output_file=vectors.npz --layers=-1 --pooling=mean

The first command is the original's, and so are its JSON lines. The second one writes a vector for each line with the
small default model. A line is a text, or a pair "first ||| second". A killed command continues if it is run again.
"""

from pathlib import Path
from typing import NamedTuple

from absl import logging

from bert_tf.checkpoints.casing import check_casing, find_casing
from bert_tf.checkpoints.completeness import check_files
from bert_tf.checkpoints.identity import model_digest
from bert_tf.checkpoints.locate import CheckpointFiles, named_files, resolve
from bert_tf.data.extract_lines import ExtractLines
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError, counted, printable, user_error_for
from bert_tf.files import make_folder
from bert_tf.flags import config_from_flags, run_program
from bert_tf.modeling.config import BertConfig
from bert_tf.paths import local_path
from bert_tf.programs.extract_features_config import ExtractFeaturesConfig
from bert_tf.programs.output_file import check_output_file
from bert_tf.remote import as_path
from bert_tf.serving.feature_forms import check_layers
from bert_tf.serving.feature_writers import WRITERS, FeatureWriter
from bert_tf.serving.unfinished_output import UnfinishedOutput, opened
from bert_tf.streams import hide_start_up_messages


def main() -> None:
    """Extracts features as the flags say."""
    config = config_from_flags(ExtractFeaturesConfig)
    hide_start_up_messages()
    extract_features(config)


def extract_features(config: ExtractFeaturesConfig) -> None:
    """Writes `output_file`, whole or not at all.

    Raises:
        UserError: a mistake in the model, the texts or the output; nothing but an unfinished output is changed.
    """
    output = Path(local_path(config.output_file, "output_file"))
    check_output_file(config.output_file, config.input_file, config.overwrite)
    model = find_model(config)
    lines = ExtractLines(as_path(config.input_file))
    logging.info("%s: %s.", printable(config.input_file), counted(lines.count, "line"))
    make_folder(output.parent, "output_file")
    with user_error_for(OSError, output, "cannot be written", "name a file on another disk"):
        extract(config, model, lines, output)


class FoundModel(NamedTuple):
    """A model whose files are checked as far as it is possible without TensorFlow.

    Attributes:
        files: of the model.
        config: the shape of its encoder.
        do_lower_case: whether to lowercase texts.
    """

    files: CheckpointFiles
    config: BertConfig
    do_lower_case: bool


def find_model(config: ExtractFeaturesConfig) -> FoundModel:
    """Finds the model that the flags name, downloads it if necessary, and checks that it has what they ask for.

    Raises:
        UserError: a file is missing or broken, or the model has fewer layers or positions.
    """
    name = config.model_or_default
    files = resolve(name) if name else named_files(config.bert_config_file, config.vocab_file, config.init_checkpoint)
    bert_config = BertConfig.from_json_file(files.config_file)
    check_files(files, bert_config)
    check_layers(config.layer_numbers, bert_config.num_hidden_layers)
    positions = bert_config.max_position_embeddings
    if config.max_seq_length > positions:
        described = f"{config.max_seq_length} is more than the {positions} positions of {printable(files.config_file)}"
        raise UserError(f"max_seq_length: {described}")
    lowers = config.do_lower_case
    lowers = find_casing(files, name).do_lower_case if lowers is None else lowers
    check_casing(lowers, files, name)
    return FoundModel(files, bert_config, lowers)


def extract(config: ExtractFeaturesConfig, model: FoundModel, lines: ExtractLines, output: Path) -> None:
    """Computes the features and writes them; continues what a killed extraction has begun.

    Raises:
        UserError: the model is broken, the input has changed, or `output` was begun with other settings.
    """
    tokens = {index: token for token, index in load_vocab(model.files.vocab_file).items()}
    writer = WRITERS[config.form](config.layer_numbers, config.pooling, tokens, model.config.hidden_size)
    with opened(output, settings_of(config, model, lines), writer.names, config.overwrite) as unfinished:
        if unfinished.done:
            logging.info("%s: continues after line %d.", printable(output), unfinished.done)
        if unfinished.done < lines.count:
            compute(config, model, lines, writer, unfinished)
        writer.finish(unfinished.path, output)


def settings_of(config: ExtractFeaturesConfig, model: FoundModel, lines: ExtractLines) -> dict[str, object]:
    """Returns all that decides what is written, as JSON has it."""
    return {
        "input": lines.sha256,
        "model": model_digest(model.files),
        "do_lower_case": model.do_lower_case,
        "layers": list(config.layer_numbers),
        "format": config.form,
        **{name: getattr(config, name) for name in ("pooling", "max_seq_length", "batch_size")},
    }


def compute(
    config: ExtractFeaturesConfig,
    model: FoundModel,
    lines: ExtractLines,
    writer: FeatureWriter,
    unfinished: UnfinishedOutput,
) -> None:
    """Computes the features of the lines that are not done, and adds them to the unfinished output."""
    # TensorFlow takes seconds to load: mistakes in flags, texts and files are reported before.
    from bert_tf.data.tokenization import FullTokenizer
    from bert_tf.models.encoder_files import read_encoder
    from bert_tf.serving.extraction import ExtractionSizes, extracted
    from bert_tf.serving.hidden_layers import HiddenLayers
    from bert_tf.training.progress import ProgressBar

    layers = HiddenLayers(*read_encoder(model.files), config.layer_numbers, config.pooling)
    tokenizer = FullTokenizer(model.files.vocab_file, model.do_lower_case)
    bytes_of_piece = 0 if layers.is_pooled else 4 * len(config.layer_numbers) * model.config.hidden_size
    sizes = ExtractionSizes(config.max_seq_length, config.batch_size, bytes_of_piece)
    with ProgressBar("extract", lines.count, 1, start=unfinished.done) as bar:
        for part in extracted(layers, tokenizer, lines.pairs(), sizes, unfinished.done):
            done = part.first + len(part.pieces)
            unfinished.append(writer.contents(part.first, part.pieces, part.values), done)
            bar.update(done)


def run_main() -> None:
    """Starts the program."""
    run_program(main, ExtractFeaturesConfig, advice=lambda: "the same command continues")
