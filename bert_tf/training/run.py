"""Fine-tuning a classifier from files to results: what `run_classifier.py` does, as one function.

    run(ClassifierConfig(task_name="MRPC", data_dir="data/MRPC", output_dir="output", do_train=True))

`run` shows the sections of a run in the order in which they happen.
"""

import contextlib
import dataclasses
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from absl import logging

from bert_tf.checkpoints.catalogue import CATALOGUE
from bert_tf.checkpoints.formats import read_checkpoint
from bert_tf.checkpoints.load import fill
from bert_tf.checkpoints.locate import CheckpointFiles, resolve
from bert_tf.data.batches import training_order
from bert_tf.data.examples import InputExample, examples_digest
from bert_tf.data.features import Features, convert_examples_to_features
from bert_tf.data.processors import PROCESSORS, DataProcessor
from bert_tf.data.tokenization import FullTokenizer, validate_case_matches_checkpoint
from bert_tf.devices import check_batch_size, chief_value, create_strategy, is_chief, is_cpu_alone, lost_workers_named
from bert_tf.errors import UserError
from bert_tf.modeling.config import BertConfig
from bert_tf.modeling.encoder import BertEncoder
from bert_tf.modeling.flops import forward_flops, training_flops
from bert_tf.modeling.heads import BertClassifier
from bert_tf.training.config import DEFAULTS, RECIPES, TRAINING_FIELDS, ClassifierConfig
from bert_tf.training.efficiency import bfloat16_hint, efficiency
from bert_tf.training.inference import evaluate, predict, speed
from bert_tf.training.loop import Training, TrainingOptions, TrainingResult, num_train_steps
from bert_tf.training.output_dir import OutputDir
from bert_tf.training.progress import ProgressBar

_POLICIES = {"none": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
# A CPU is faster with larger batches than the original's 8, and the size changes no probability.
_CPU_BATCH_SIZE = 32
_PACKAGES = ("bert-tf", "tensorflow", "tensorflow-text", "tf-keras", "tf-models-official")


def run(config: ClassifierConfig) -> dict:
    """Trains, evaluates and predicts, whichever `config` asks for.

    Returns:
        What this run put into `results.json`.

    Raises:
        UserError: a mistake in flags, files or environment.
    """
    processor = _processor(config.task_name)
    examples = _read_examples(config, processor)
    # TensorFlow makes sure of one order of sums, also on GPUs; all randomness here has seeds of its own.
    tf_keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    strategy = _create_strategy(config)
    output_dir = OutputDir(config.output_dir)
    config = _settle(config, output_dir)
    if config.do_train:
        check_batch_size(strategy, config.train_batch_size)
    with lost_workers_named(strategy), _prepared(output_dir, config, examples, strategy):
        start_step = 0 if config.overwrite_output_dir else chief_value(strategy, output_dir.latest_step())
        files = _model_files(config, output_dir, start_step, processor.get_labels())
        tokenizer = FullTokenizer(files.vocab_file, config.do_lower_case)
        model = _build_model(config, files, tokenizer, processor.get_labels(), strategy)
        features = {
            split: convert_examples_to_features(found, processor.get_labels(), config.max_seq_length, tokenizer)
            for split, found in examples.items()
        }
        results = _facts(config, output_dir)
        if config.do_train:
            if is_chief(strategy) and not start_step:
                _start(config, output_dir, examples["train"])
                config_json = model.encoder.config.to_json_string()
                output_dir.write_model_files(config_json, files.vocab_file, processor.get_labels())
            results |= _train(config, model, features["train"], output_dir, start_step, strategy)
        if config.do_eval:
            results |= _evaluate(config, model, features["dev"], examples["dev"], output_dir, processor, strategy)
        if config.do_predict:
            _predict(config, model, features["test"], output_dir, strategy)
        if is_chief(strategy):
            output_dir.write_results(results)
    return results


# Before anything is computed: the task, the data, the defaults, the output folder.


def _processor(task_name: str) -> DataProcessor:
    try:
        return PROCESSORS[task_name.lower()]()
    except KeyError as error:
        raise UserError(f"task_name: {task_name!r} is unknown; known: {', '.join(sorted(PROCESSORS))}") from error


def _read_examples(config: ClassifierConfig, processor: DataProcessor) -> dict[str, list[InputExample]]:
    readers = {
        "train": (config.do_train, processor.get_train_examples),
        "dev": (config.do_eval, processor.get_dev_examples),
        "test": (config.do_predict, processor.get_test_examples),
    }
    return {split: read(config.data_dir) for split, (wanted, read) in readers.items() if wanted}


def _create_strategy(config: ClassifierConfig) -> tf.distribute.Strategy:
    return create_strategy(
        config.distribution_strategy,
        config.tpu_name,
        config.tpu_zone,
        config.gcp_project,
        config.num_tpu_cores,
    )


def _settle(config: ClassifierConfig, output_dir: OutputDir) -> ClassifierConfig:
    """Gives the fields that the user left open their values."""
    values = DEFAULTS | RECIPES.get(config.model, {})
    if config.model in CATALOGUE:
        values |= {"do_lower_case": CATALOGUE[config.model].do_lower_case}
    if not config.do_train:
        earlier = output_dir.read_run() or {"training": {}}
        values |= {name: earlier["training"].get(name, value) for name, value in values.items()}
    return dataclasses.replace(
        config, **{name: value for name, value in values.items() if getattr(config, name) is None}
    )


@contextlib.contextmanager
def _prepared(
    output_dir: OutputDir,
    config: ClassifierConfig,
    examples: Mapping[str, Sequence[InputExample]],
    strategy: tf.distribute.Strategy,
) -> Iterator[None]:
    """The output folder, made and locked by the chief, in the state that this run may start from."""
    if not is_chief(strategy):
        yield
        return
    output_dir.create()
    with output_dir.locked():
        if config.do_train and not config.overwrite_output_dir:
            _check_earlier_run(output_dir, _training_fields(config, examples["train"]))
        yield


def _training_fields(config: ClassifierConfig, examples: Sequence[InputExample]) -> dict:
    return {name: getattr(config, name) for name in TRAINING_FIELDS} | {"train_data": examples_digest(examples)}


def _start(config: ClassifierConfig, output_dir: OutputDir, examples: Sequence[InputExample]) -> None:
    """Makes the output folder that of this run, now that all that a user can do wrong was looked at."""
    if config.overwrite_output_dir:
        output_dir.remove_earlier_run()
    output_dir.write_run({"training": _training_fields(config, examples)})


def _check_earlier_run(output_dir: OutputDir, training: dict) -> None:
    earlier = output_dir.read_run()
    if earlier is None:
        if output_dir.latest_step():
            raise UserError(
                f"output_dir: {output_dir.path}: holds a checkpoint of something else; "
                "name another folder, or pass --overwrite_output_dir"
            )
        return
    differences = [
        f"{name} was {earlier['training'].get(name)!r}, is {value!r}"
        for name, value in training.items()
        if earlier["training"].get(name) != value
    ]
    if differences:
        raise UserError(
            f"output_dir: {output_dir.path}: was started otherwise: {'; '.join(differences)}; "
            "name another folder, or pass --overwrite_output_dir"
        )


# The model.


def _model_files(config: ClassifierConfig, output_dir: OutputDir, step: int, labels: Sequence[str]) -> CheckpointFiles:
    """Those of the fine-tuned model where there is one, and else of the pre-trained."""
    if step:
        output_dir.check_labels(labels)
        return CheckpointFiles(output_dir.config_file, output_dir.vocab_file, output_dir.checkpoint(step))
    if not config.do_train and not config.init_checkpoint:
        raise UserError(
            f"output_dir: {output_dir.path}: holds no fine-tuned checkpoint; pass --do_train, or --init_checkpoint"
        )
    if config.model:
        files = resolve(config.model)
    else:
        checkpoint = Path(config.init_checkpoint) if config.init_checkpoint else None
        files = CheckpointFiles(Path(config.bert_config_file), Path(config.vocab_file), checkpoint)
    folders = {Path(file).resolve().parent for file in dataclasses.astuple(files) if file}
    if config.do_train and output_dir.path.resolve() in folders:
        raise UserError(f"output_dir: {output_dir.path}: is the folder of the model to start from; name another")
    return files


def _build_model(
    config: ClassifierConfig,
    files: CheckpointFiles,
    tokenizer: FullTokenizer,
    labels: Sequence[str],
    strategy: tf.distribute.Strategy,
) -> BertClassifier:
    validate_case_matches_checkpoint(config.do_lower_case, str(files.checkpoint))
    bert_config = BertConfig.from_json_file(files.config_file)
    _check_fit(config, bert_config, files, tokenizer)
    with strategy.scope():
        encoder = BertEncoder(bert_config, dtype=_POLICIES[config.mixed_precision])
        model = BertClassifier(encoder, len(labels), seed=config.seed)
    if files.checkpoint is None:
        logging.warning("No --init_checkpoint: training starts from random weights.")
        return model
    arrays = read_checkpoint(files.checkpoint)
    has_head = {"output_weights", "output_bias"} <= arrays.keys() and len(arrays["output_bias"]) == len(labels)
    if not has_head and not config.do_train:
        raise UserError(
            f"{files.checkpoint}: has no classifier for {len(labels)} labels to evaluate or predict with; "
            "pass --do_train"
        )
    fill(model if has_head else encoder, arrays, files.checkpoint)
    return model


def _check_fit(
    config: ClassifierConfig, bert_config: BertConfig, files: CheckpointFiles, tokenizer: FullTokenizer
) -> None:
    if config.max_seq_length > bert_config.max_position_embeddings:
        raise UserError(
            f"max_seq_length: {config.max_seq_length} is more than the {bert_config.max_position_embeddings} "
            f"positions of {files.config_file}"
        )
    missing = {"[CLS]", "[SEP]"} - tokenizer.vocab.keys()
    if missing:
        raise UserError(f"{files.vocab_file}: lacks {min(missing)}; give the vocabulary of a BERT")
    if max(tokenizer.vocab.values()) >= bert_config.vocab_size:
        raise UserError(
            f"{files.vocab_file}: has {len(tokenizer.vocab)} pieces where {files.config_file} has room for "
            f"{bert_config.vocab_size}; give the vocabulary of this model"
        )


# The three things that a run can do.


def _train(
    config: ClassifierConfig,
    model: BertClassifier,
    features: Features,
    output_dir: OutputDir,
    start_step: int,
    strategy: tf.distribute.Strategy,
) -> dict:
    options = _training_options(config, len(features))
    if start_step >= options.num_train_steps:
        logging.info("%s: is finished; --overwrite_output_dir would train it again.", output_dir.path)
    else:
        _announce(config, options, len(features), start_step, strategy)
    training = Training(model, options, strategy)
    with ProgressBar(
        "train", options.num_train_steps, options.train_batch_size, start_step, disable=not is_chief(strategy)
    ) as bar:
        result = training.run(features, output_dir, start_step, bar.update)
    order = training_order(len(features), options.train_batch_size, options.num_train_steps, options.seed)
    lengths = features.lengths[order]
    results = _train_results(options, result, model, len(features), int(lengths.sum()))
    # A process that found the run finished knows nothing of the one that did the work.
    if is_chief(strategy) and start_step < options.num_train_steps:
        results |= _efficiency("train", training_flops(model.encoder.config, lengths), result.seconds, model, strategy)
    return results


def _training_options(config: ClassifierConfig, num_examples: int) -> TrainingOptions:
    steps = num_train_steps(num_examples, config.train_batch_size, config.num_train_epochs)
    warmup_steps = int(steps * config.warmup_proportion) if config.warmup_steps is None else config.warmup_steps
    return TrainingOptions(
        num_train_steps=steps,
        train_batch_size=config.train_batch_size,
        learning_rate=config.learning_rate,
        num_warmup_steps=warmup_steps,
        weight_decay=config.weight_decay,
        adam_bias_correction=config.adam_bias_correction,
        seed=config.seed,
        save_checkpoints_steps=config.save_checkpoints_steps,
        iterations_per_loop=config.iterations_per_loop,
        logging_steps=config.logging_steps,
    )


def _announce(
    config: ClassifierConfig,
    options: TrainingOptions,
    num_examples: int,
    start_step: int,
    strategy: tf.distribute.Strategy,
) -> None:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    logging.info(
        "Training %s on %d examples: %g epochs, batch size %d, learning rate %g, %d of %d steps warm-up; %d x %s.",
        config.model or config.init_checkpoint or "from scratch",
        num_examples,
        config.num_train_epochs,
        options.train_batch_size,
        options.learning_rate,
        options.num_warmup_steps,
        options.num_train_steps,
        strategy.num_replicas_in_sync,
        "TPU core" if config.distribution_strategy == "tpu" else kind,
    )
    if start_step:
        logging.info("Going on after step %d.", start_step)
    hint = bfloat16_hint() if config.mixed_precision == "none" else None
    if hint:
        logging.info(hint)


def _train_results(
    options: TrainingOptions, result: TrainingResult, model: BertClassifier, num_examples: int, num_tokens: int
) -> dict:
    steps = options.num_train_steps
    examples = steps * options.train_batch_size
    return {
        **speed("train", result.seconds, examples, steps),
        "train_tokens_per_second": num_tokens / result.seconds,
        "train_loss": float(result.losses.mean()),
        "epoch": round(examples / num_examples, 2),
        "total_flos": 6.0 * result.num_tokens * _num_parameters_without_embeddings(model.encoder),
    }


def _num_parameters_without_embeddings(encoder: BertEncoder) -> int:
    return sum(int(np.prod(v.shape)) for name, v in encoder.variables_by_name.items() if "_embeddings" not in name)


def _efficiency(
    prefix: str, flops: float, seconds: float, model: BertClassifier, strategy: tf.distribute.Strategy
) -> dict[str, float | str]:
    return efficiency(prefix, flops, seconds, model.encoder.compute_dtype, strategy.num_replicas_in_sync)


def _evaluate(
    config: ClassifierConfig,
    model: BertClassifier,
    features: Features,
    examples: Sequence[InputExample],
    output_dir: OutputDir,
    processor: DataProcessor,
    strategy: tf.distribute.Strategy,
) -> dict:
    started = time.perf_counter()
    probabilities = _probabilities("eval", model, features, config.eval_batch_size, strategy)
    seconds = time.perf_counter() - started
    scores = evaluate(probabilities, features.label_ids.numpy(), processor.metrics, config.eval_batch_size)
    scores["global_step"] = output_dir.latest_step()
    if is_chief(strategy):
        guids, labels = [example.guid for example in examples], [example.label for example in examples]
        output_dir.write_eval_predictions(guids, labels, processor.get_labels(), probabilities)
        output_dir.write_eval_results(scores)
        logging.info("***** Eval results *****\n%s", "\n".join(f"  {key} = {scores[key]}" for key in sorted(scores)))
    steps = -(-len(features) // config.eval_batch_size)
    results = {**scores, **speed("eval", seconds, len(features), steps), "dev_data": examples_digest(examples)}
    results["eval_tokens_per_second"] = int(features.lengths.sum()) / seconds
    if is_chief(strategy):
        flops = forward_flops(model.encoder.config, features.lengths)
        results |= _efficiency("eval", flops, seconds, model, strategy)
    return results


def _predict(
    config: ClassifierConfig,
    model: BertClassifier,
    features: Features,
    output_dir: OutputDir,
    strategy: tf.distribute.Strategy,
) -> None:
    probabilities = _probabilities("predict", model, features, config.predict_batch_size, strategy)
    if is_chief(strategy):
        output_dir.write_test_results(probabilities)
        logging.info("Wrote %d rows to %s.", len(probabilities), output_dir.path / "test_results.tsv")


def _probabilities(
    name: str, model: BertClassifier, features: Features, batch_size: int, strategy: tf.distribute.Strategy
) -> np.ndarray:
    if is_cpu_alone():
        batch_size = max(batch_size, _CPU_BATCH_SIZE)
    with ProgressBar(name, len(features), 1, disable=not is_chief(strategy)) as bar:
        return predict(model, features, batch_size, strategy, bar.update)


def _facts(config: ClassifierConfig, output_dir: OutputDir) -> dict:
    """What a reader of results.json must know to repeat the run; an evaluation alone leaves what training said."""
    flags = dataclasses.asdict(config)
    del flags["dataset"]
    facts = {
        "dataset": config.dataset or config.data_dir,
        "model": config.model or config.init_checkpoint,
        "seed": config.seed,
        "flags": flags,
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in _PACKAGES}},
    }
    if config.do_train:
        return facts
    evaluated = {"dataset": facts["dataset"]} if config.do_eval else {}
    return facts | output_dir.read_results() | evaluated
