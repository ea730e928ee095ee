r"""Fine-tunes BERT on named entities, or any other tags of words: the BERT paper's section 5.3 on TensorFlow 2.

    python scripts/run_ner.py --do_train --do_eval

trains a small pre-trained BERT on the sample corpus and scores the entities that it finds. Own sentences, in CoNLL's
form (a word and its tag a line, with blank lines between the sentences) or in JSON lines with "words" and "tags":

    python scripts/run_ner.py --do_train --do_eval --train_file=train.conll --dev_file=dev.conll --output_dir=mine
    python scripts/run_ner.py --do_predict --test_file=new.conll --output_dir=mine

The paper's setting, with the sentences of a document as context for one another:

    python scripts/run_ner.py --bert_model=cased_L-12_H-768_A-12 --document_context \
        --train_file=$CONLL_DIR/eng.train --dev_file=$CONLL_DIR/eng.testa --do_train --do_eval
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from absl import logging

from bert_tf.data.folders import exported_dir, sample_dir
from bert_tf.data.tagged_sentences import (
    TaggedSentence,
    entity_types,
    read_tagged_sentences,
    sentences_digest,
    tag_names,
)
from bert_tf.errors import UserError, first_few, printable
from bert_tf.flags import config_from_flags, run_program
from bert_tf.programs.default_model import earlier_settings, with_default_model, with_output_dir
from bert_tf.programs.model_tags import find_model_tags
from bert_tf.programs.ner_config import NerConfig
from bert_tf.streams import hide_start_up_messages
from bert_tf.tasks.tag_metrics import SCORES
from bert_tf.training.config import settle
from bert_tf.training.early_checks import check_keep_best, check_model, check_resumable, check_training_size
from bert_tf.training.interruption import advice_after_interruption


def with_defaults(config: NerConfig) -> NerConfig:
    """Fills in the model, the files and the output folder that the user did not name.

    Raises:
        UserError: one of several files is missing.
    """
    return _with_files(_with_output_dir(config))


def _with_output_dir(config: NerConfig) -> NerConfig:
    return with_output_dir(with_default_model(config), config.task_name)


def _with_files(config: NerConfig) -> NerConfig:
    missing = [split for split in config.splits if not config.file_of(split)]
    if not missing:
        return dataclasses.replace(config, dataset=config.dev_file or config.train_file or config.test_file)
    folder, dataset = (None, None) if config.names_files else _default_folder()
    if folder is None:
        flag = f"{missing[0]}_file"
        raise UserError(f"{flag}: is missing; pass --{flag}=FILE, in CoNLL's form or as JSON lines")
    files = {f"{split}_file": str(folder / f"{split}.conll") for split in config.splits}
    return dataclasses.replace(config, **files, dataset=dataset)


def _default_folder() -> tuple[Path | None, str]:
    """Returns data/NER, or else the sample corpus, None if there is neither; and the name of these data in results."""
    folder = exported_dir("NER")
    if folder.is_dir():
        return folder, "NER"
    sample = sample_dir("NER")
    if sample:
        logging.warning("No train_file, dev_file or test_file: using the sample corpus %s.", sample)
    return sample, "sample"


def read_sentences(config: NerConfig) -> dict[str, list[TaggedSentence]]:
    """Reads the splits that the run needs: `"train"`, `"dev"` and `"test"`.

    Raises:
        UserError: a file is missing or wrong, or has no tags although the run needs them.
    """
    check_keep_best(config, SCORES)
    return {
        split: read_tagged_sentences(config.file_of(split), needs_tags=split != "test").sentences
        for split in config.splits
    }


def run_task(config: NerConfig, sentences: Mapping[str, Sequence[TaggedSentence]]) -> dict:
    """Trains, evaluates and predicts, as `config` asks.

    Args:
        config: the run.
        sentences: the result of `read_sentences`.

    Returns:
        What this run put into `results.json`.

    Raises:
        UserError: a mistake in flags, model, output folder or environment.
    """
    if config.do_train:
        check_training_size(config, len(sentences["train"]))
        check_resumable(config, sentences_digest(sentences["train"]))
    check_model(config)
    tags = find_tags(config, sentences)
    settled = settle(config, earlier_settings(config))
    # TensorFlow takes seconds to load: mistakes in flags, data and models are reported before.
    from bert_tf.tasks.tagging import TaggingTask, TagSettings
    from bert_tf.training.run import run

    settings = TagSettings(settled.doc_context, settled.document_context, settled.repair)
    return run(TaggingTask(config.task_name, tags, settings), config, sentences)


def find_tags(config: NerConfig, sentences: Mapping[str, Sequence[TaggedSentence]]) -> tuple[str, ...]:
    """Returns the tags in the order of the head's outputs: those of the training set, or of the fine-tuned model.

    Raises:
        UserError: the training set has no entities, or the model has no tags.
    """
    if not config.do_train:
        tags = find_model_tags(config)
    elif types := entity_types(sentences["train"]):
        tags = tag_names(types)
    else:
        where = printable(config.train_file)
        raise UserError(f"train_file: {where}: has no entity to learn, every tag is O; check the column of the tags")
    _say_unknown_types(config, tags, sentences.get("dev", ()))
    return tags


def _say_unknown_types(config: NerConfig, tags: Sequence[str], sentences: Sequence[TaggedSentence]) -> None:
    """Warns of types of the dev set that the model cannot find, which often are a mistake in its file."""
    known = {tag[2:] for tag in tags}
    unknown = [name for name in entity_types(sentences) if name not in known]
    if unknown:
        remark = "the model does not know them, and their entities count as missed"
        logging.warning("%s: has the types %s; %s.", printable(config.dev_file), first_few(unknown), remark)


def main() -> None:
    """Runs what the flags describe."""
    config = with_defaults(config_from_flags(NerConfig))
    sentences = read_sentences(config)
    hide_start_up_messages()
    run_task(config, sentences)


def advice() -> str:
    """Returns what the user can do after Ctrl-C."""
    return advice_after_interruption(_with_output_dir(config_from_flags(NerConfig)))


def run_main() -> None:
    """Starts the program."""
    run_program(main, NerConfig, advice=advice)
