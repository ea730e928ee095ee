"""The one exception for what a user can cause and mend."""


class UserError(Exception):
    """A mistake in a flag, a file or the environment, told in one line.

    The message says what is wrong, where (file and line number if there is one) and what to do.
    `run_classifier.py` prints it without a traceback and exits with code 1.

    Example:
        >>> raise UserError("data/train.tsv:3: 2 columns where 3 are needed")
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: data/train.tsv:3: 2 columns where 3 are needed
    """
