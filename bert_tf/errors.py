"""The exception for mistakes that the user can fix, and helpers that word its message."""

import contextlib
import re
import reprlib
import unicodedata
from collections.abc import Iterable, Iterator

_SHOWN_NAMES = 4
_SHOWN_CHARACTERS = 200
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


class UserError(Exception):
    """A mistake in a flag, a file or the environment, described in one line.

    The message says what is wrong, where (file and line number if there is one) and what to do.
    `run_classifier.py` prints it without a traceback and exits with code 1.

    Example:
        >>> raise UserError("data/train.tsv:3: the row has 2 columns, but 3 are needed")
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: data/train.tsv:3: the row has 2 columns, but 3 are needed
    """


def missing_package(error: ModuleNotFoundError) -> UserError:
    """Returns the error to raise if a package is not installed."""
    return UserError(f"the package {error.name} is missing; install this project with: pip install -e .")


@contextlib.contextmanager
def user_error_for(
    kinds: type[Exception] | tuple[type[Exception], ...], where: object, problem: str, remedy: str
) -> Iterator[None]:
    """Replaces exceptions of these kinds inside the block by a `UserError`.

    Args:
        kinds: the exception classes to replace.
        where: the file, folder or address, which begins the message.
        problem: what is wrong; the exception's own reason follows in parentheses.
        remedy: what the user can do.

    Raises:
        UserError: the block raised one of `kinds`.

    Example:
        >>> with user_error_for(OSError, "vocab.txt", "cannot be read", "check the path"):
        ...     open("no/such/vocab.txt")
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: vocab.txt: cannot be read (No such file or directory); check the path
    """
    try:
        yield
    except kinds as error:
        raise UserError(f"{printable(where)}: {problem} ({reason_of(error)}); {remedy}") from error


@contextlib.contextmanager
def reading(where: object, remedy: str, problem: str = "cannot be read") -> Iterator[None]:
    """Replaces every exception inside the block by a `UserError`, around the reader of a file that others wrote.

    A foreign file can make a parser raise anything, a RecursionError or a MemoryError too. Keep the block small: a
    mistake of our own inside it would be called the file's.

    Args:
        where: the file, which begins the message.
        remedy: what the user can do.
        problem: what is wrong; the exception's own reason follows in parentheses.

    Raises:
        UserError: the block raised an exception. Its own `UserError`s pass unchanged.

    Example:
        >>> with reading("run.json", "copy it again"):
        ...     {}["training"]
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: run.json: cannot be read (KeyError: 'training'); copy it again
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{printable(where)}: {problem} ({reason_of(error)}); {remedy}") from error


def printable(text: object) -> str:
    r"""Returns text on one line. Control characters, which could write over a terminal, become escapes.

    Lone surrogates, from file names that are not UTF-8, become escapes too, because they cannot be printed.

    Example:
        >>> print(printable("two\n  lines \x1b[31m"))
        two lines \x1b[31m
    """
    line = " ".join(str(text).split())
    return "".join(ascii(char)[1:-1] if unicodedata.category(char) in ("Cc", "Cf", "Cs") else char for char in line)


def shown(value: object) -> str:
    r"""Returns a value as Python writes it, on one line; the middle of a long one is left out.

    Example:
        >>> print(shown("no\x1b"), shown(10**100))
        'no\x1b' 100000000000000000...0000000000000000000
    """
    return printable(_SHORT.repr(value))


def with_type(value: object) -> str:
    """Returns a value and its type, for a message.

    Example:
        >>> with_type(0), with_type(int)
        ('0 (int)', 'the class int')
    """
    return f"the class {value.__name__}" if isinstance(value, type) else f"{shown(value)} ({type(value).__name__})"


def reason_of(error: Exception) -> str:
    r"""Returns the reason that an exception gives, as one short line.

    Example:
        >>> reason_of(FileNotFoundError(2, "No such file or directory", "vocab.txt"))
        'No such file or directory'
        >>> reason_of(ValueError("first line\n  second line"))
        'first line second line'
    """
    if isinstance(error, OSError) and error.strerror:
        return printable(error.strerror)
    if isinstance(error, (KeyError, IndexError, TypeError, AttributeError, AssertionError)):
        return printable(f"{type(error).__name__}: {error}")[:_SHOWN_CHARACTERS]
    # TensorFlow puts the name of the operation in front, in double braces.
    text = re.sub(r"\{\{.*?\}\}", "", str(error))
    return printable(text)[:_SHOWN_CHARACTERS] or type(error).__name__


def counted(number: int, noun: str) -> str:
    """Joins a number and its noun.

    Example:
        >>> counted(1, "row"), counted(2000, "row")
        ('1 row', '2,000 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def first_few(names: Iterable[str]) -> str:
    """Lists the first four names and counts the rest, for a message.

    Example:
        >>> first_few("abcdef")
        'a, b, c, d and 2 more'
    """
    names = [printable(name) for name in names]
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more
