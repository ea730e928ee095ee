"""Says how many examples were longer than `max_seq_length`, and lost their ends."""

from collections.abc import Mapping

from absl import logging

from bert_tf.data.features import Features


def say_truncated(features: Mapping[str, Features], positions: int) -> None:
    """Logs a line for each split that has truncated examples.

    Args:
        features: by split.
        positions: of the model, the largest `max_seq_length`.
    """
    for split, found in features.items():
        if found.num_truncated:
            logging.info("%s: %s.", split, _describe(found, positions))


def _describe(features: Features, positions: int) -> str:
    truncated, length = features.num_truncated, features.max_seq_length
    count = f"{truncated:,} of {len(features):,} examples ({100 * truncated / len(features):.1f} %)"
    is_longer, were = ("is longer", "was") if truncated == 1 else ("are longer", "were")
    limit = f"--max_seq_length is at most {positions}" if length < positions else "the model has no more positions"
    return f"{count} {is_longer} than {length} word pieces and {were} cut; {limit}"


def truncation_facts(features: Mapping[str, Features]) -> dict[str, int]:
    """Returns what results.json says about it, such as `train_truncated`, the number of truncated examples."""
    return {f"{split}_truncated": found.num_truncated for split, found in features.items()}
