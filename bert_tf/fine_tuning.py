"""Fine-tuning from Python: what `run_classifier.py` does, as one call."""

from bert_tf.data.processors import find_processor
from bert_tf.errors import UserError
from bert_tf.programs.classifier_config import ClassifierConfig
from bert_tf.programs.run_classifier import with_defaults
from bert_tf.serving.predictor import Predictor, load
from bert_tf.tasks.glue_submission import GlueSubmission
from bert_tf.tasks.kinds import make_task
from bert_tf.training.early_checks import check_model
from bert_tf.training.fields import flag_name, flags_of
from bert_tf.training.run import run


def fine_tune(task_name: str, **flags: object) -> Predictor:
    """Trains and evaluates as `run_classifier.py --task_name=... --do_train --do_eval` does.

    A call that was interrupted resumes if it is made again; a finished one is loaded. The weights are those of the
    program, bit by bit. The process keeps its seeds, its policy and its random numbers; TensorFlow's operations are
    deterministic while the call lasts.

    Args:
        task_name: such as `"MRPC"`.
        **flags: the program's flags by their names, such as `data_dir`, `output_dir`, `bert_model`, `learning_rate`.

    Returns:
        The fine-tuned model. Its scores are printed too.

    Raises:
        UserError: a mistake in flags, files or environment.

    Example:
        model = fine_tune("MRPC", data_dir="data/MRPC", output_dir="output/mrpc", num_train_epochs=3)
        model.predict([("It rains .", "Rain falls .")])
    """
    config = with_defaults(
        ClassifierConfig(task_name=task_name, **({"do_train": True, "do_eval": True} | _fields(flags)))
    )
    check_model(config)
    processor = find_processor(config.task_name)
    task = make_task(config.task_name, processor, config.loss_settings)
    run(GlueSubmission(task, processor) if config.glue_submission else task, config)
    model = load(config.output_dir)
    print(f"{config.output_dir}: " + ", ".join(f"{name} = {score:.4f}" for name, score in model.scores.items()))
    return model


def _fields(flags: dict[str, object]) -> dict[str, object]:
    """Returns the flags by the names of their fields."""
    fields = {flag_name(field, declared): field for field, declared in flags_of(ClassifierConfig).items()}
    unknown = sorted(flags.keys() - fields.keys())
    if unknown:
        raise UserError(f"fine_tune: {unknown[0]!r} is not a flag of run_classifier.py; see its --help")
    return {fields[name]: value for name, value in flags.items()}
