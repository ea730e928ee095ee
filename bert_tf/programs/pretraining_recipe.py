"""Finds what decides the examples of pre-training: the vocabulary, its casing and the settings. Needs no TensorFlow."""

from absl import logging

from bert_tf.checkpoints.casing import check_casing, find_casing
from bert_tf.checkpoints.completeness import check_pieces
from bert_tf.checkpoints.integrity import sha256
from bert_tf.checkpoints.locate import CheckpointFiles, resolve
from bert_tf.data.pretraining_instances import CLS, MASK, SEP
from bert_tf.data.pretraining_shards import Recipe
from bert_tf.data.sentences import sentence_splitter
from bert_tf.data.vocabulary import load_vocab
from bert_tf.errors import UserError, printable
from bert_tf.modeling.config import BertConfig
from bert_tf.programs.pretraining_data_config import PretrainingDataConfig
from bert_tf.remote import AnyPath, as_path

_NEEDED = {CLS, SEP, MASK, "[UNK]"}


def find_recipe(config: PretrainingDataConfig) -> Recipe:
    """Finds the vocabulary that the flags name, downloads its model if necessary, and checks all that decides examples.

    Raises:
        UserError: the vocabulary is missing or broken, or does not fit, or the library that splits sentences is
            missing.
    """
    name = config.model_or_default
    files = resolve(name) if name else _files_of(as_path(config.vocab_file))
    vocab = load_vocab(files.vocab_file)
    missing = _NEEDED - vocab.keys()
    if missing:
        raise UserError(f"{printable(files.vocab_file)}: lacks {min(missing)}; give the vocabulary of a BERT")
    if name:
        _check_model(config, files)
    lowers = config.do_lower_case
    lowers = find_casing(files, name).do_lower_case if lowers is None else lowers
    check_casing(lowers, files, name)
    language = (config.language or "en") if config.split_sentences else None
    if language:
        sentence_splitter(language)
    _warn_of_few_predictions(config)
    return Recipe(files.vocab_file, lowers, language, config.random_seed, config.settings)


def _files_of(vocab_file: AnyPath) -> CheckpointFiles:
    # The files beside a vocabulary are looked at for its casing; there need be none.
    return CheckpointFiles(config_file=vocab_file, vocab_file=vocab_file, checkpoint=None)


def _check_model(config: PretrainingDataConfig, files: CheckpointFiles) -> None:
    """Raises `UserError` if a model has no room for the examples."""
    bert_config = BertConfig.from_json_file(files.config_file)
    check_pieces(load_vocab(files.vocab_file), bert_config, files)
    positions = bert_config.max_position_embeddings
    if config.max_seq_length > positions:
        described = f"{config.max_seq_length} is more than the {positions} positions of {printable(files.config_file)}"
        raise UserError(f"max_seq_length: {described}")


def _warn_of_few_predictions(config: PretrainingDataConfig) -> None:
    wanted = round(config.max_seq_length * config.masked_lm_prob)
    if config.max_predictions_per_seq < wanted:
        logging.warning(
            "max_predictions_per_seq: %d is less than masked_lm_prob of max_seq_length, %d; fewer pieces are masked.",
            config.max_predictions_per_seq,
            wanted,
        )


def settings_of(config: PretrainingDataConfig, recipe: Recipe) -> dict[str, object]:
    """Returns all that decides what is made of texts, as JSON has it.

    Example:
        >>> config = PretrainingDataConfig(dupe_factor=5)
        >>> settings_of(config, find_recipe(config))["dupe_factor"]
        5
    """
    return {
        **recipe.settings._asdict(),
        "random_seed": recipe.random_seed,
        "do_lower_case": recipe.do_lower_case,
        "split_sentences": recipe.language,
        "shard_megabytes": config.shard_megabytes,
        "output_files": 1 + (config.output_file or "").count(","),
        "vocab_file": sha256(recipe.vocab_file),
    }
