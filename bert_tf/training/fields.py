"""A field of a config that is a flag: how it is declared, and how its value is checked.

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Config(FlagConfig):
        seed: int = flag(0, "Seed of everything random.", resume=True, lower_bound=0)

`bert_tf.training.config` has the fields of a run.
"""

import dataclasses
import numbers
import os
import typing
from collections.abc import Mapping

from bert_tf.errors import UserError, shown
from bert_tf.paths import checked_model, checked_path

# The normal numbers of float32, in which training computes.
_MIN_FLOAT32, _MAX_FLOAT32 = 1.1754943508222875e-38, 3.4028234663852886e38

# Python refuses to read numbers of thousands of digits.
_MAX_DIGITS = 18


@dataclasses.dataclass(frozen=True)
class Flag:
    """The properties of a field's absl flag.

    Attributes:
        default: the value without the flag. A field with a recipe is None instead until `settle` fills it.
        help: a sentence for `--help`.
        resume: True if a killed run can only be resumed with the same value.
        recipe: True if a model or an earlier run may have another default.
        name: of the flag, if it is not the field's.
        lower_bound: the smallest value.
        upper_bound: the largest value.
        positive: True if the value must be more than 0 and finite, also as a float32.
        choices: the only values.
        count_or: the value is a whole number of at least 1, or this word. It is kept as text.
        is_path: True if the value is a path, or may be one; see `checked_path`.
        is_model: True if it may also be the name of a model on the hub; see `checked_model`.
        ignores_case: True if capitals do not matter.
    """

    default: object
    help: str
    resume: bool
    recipe: bool = False
    name: str | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    positive: bool = False
    choices: tuple[str, ...] | None = None
    count_or: str | None = None
    is_path: bool = False
    is_model: bool = False
    ignores_case: bool = False


def flag(default: object, help: str, *, resume: bool, **rest: object) -> object:
    """Declares a field that is a flag; see `Flag` for the arguments.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Config:
        ...     seed: int = flag(0, "Seed of everything random.", resume=True, lower_bound=0)
        >>> Config().seed, flags_of(Config)["seed"].resume
        (0, True)
    """
    made = Flag(default, help, resume, **rest)
    return dataclasses.field(default=None if made.recipe else default, metadata={"flag": made})


class FlagConfig:
    """The base class of configs: a new config has checked values, whoever makes it.

    Raises:
        UserError: a value has another type than its flag, is out of its bounds, or is no path.
    """

    def __post_init__(self) -> None:
        for field, value in checked_values(self).items():
            object.__setattr__(self, field, value)


def flags_of(config: object) -> dict[str, Flag]:
    """Returns the flags of a config or of its class, by field."""
    return {field.name: field.metadata["flag"] for field in dataclasses.fields(config) if "flag" in field.metadata}


def flag_types(config: object) -> dict[str, type]:
    """Returns the type of each flag of a config or of its class, by field: bool, int, float or str.

    Example:
        >>> from bert_tf.training.config import TrainingConfig
        >>> flag_types(TrainingConfig)["warmup_steps"]
        <class 'int'>
    """
    hints = _type_hints(config)
    return {field: next(iter(typing.get_args(hints[field])), hints[field]) for field in flags_of(config)}


def _type_hints(config: object) -> dict[str, object]:
    return typing.get_type_hints(config if isinstance(config, type) else type(config))


def flag_name(field: str, flag: Flag) -> str:
    """Returns the name of a field's flag, such as `bert_model` of `model`."""
    return flag.name or field


def checked_values(config: object) -> dict[str, object]:
    """Returns the values of a config's flags, by field, as plain values that JSON can hold.

    NumPy's numbers become Python's with exactly their value: np.float32(2e-5) is 1.9999999494757503e-05, which is
    another learning rate than 2e-5. Path objects become texts.

    Raises:
        UserError: a value has another type than its flag, is out of its bounds, or is no path.

    Example:
        >>> from bert_tf.training.config import InferenceConfig
        >>> checked_values(InferenceConfig(eval_batch_size=4))
        {'eval_batch_size': 4, 'predict_batch_size': 8}
        >>> InferenceConfig(eval_batch_size=0)
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: eval_batch_size: is 0; it must be at least 1
    """
    return checked_fields(type(config), {field: getattr(config, field) for field in flags_of(config)})


def checked_fields(config_class: type, values: Mapping[str, object]) -> dict[str, object]:
    """Checks values of some fields of a config, such as those that an earlier run wrote; see `checked_values`.

    Args:
        config_class: the class of the config.
        values: by field. Other keys are left out.

    Raises:
        UserError: a value has another type than its flag, is out of its bounds, or is no path.

    Example:
        >>> from bert_tf.training.config import RunConfig
        >>> checked_fields(RunConfig, {"do_lower_case": "no"})
        Traceback (most recent call last):
        ...
        bert_tf.errors.UserError: do_lower_case: is 'no'; it must be True or False
    """
    types, hints = flag_types(config_class), _type_hints(config_class)
    checked = {}
    for field, declared in flags_of(config_class).items():
        if field in values:
            value = values[field]
            is_open = value is None and type(None) in typing.get_args(hints[field])
            name = flag_name(field, declared)
            checked[field] = None if is_open else _checked(value, types[field], declared, name)
    return checked


_KINDS = {
    bool: (bool, "True or False"),
    int: (numbers.Integral, "a whole number"),
    float: (numbers.Real, "a number"),
    str: (str, "a text"),
}


def _checked(value: object, kind: type, declared: Flag, name: str) -> object:
    if declared.is_path and isinstance(value, (str, os.PathLike)):
        return checked_model(value, name) if declared.is_model else checked_path(value, name)
    plain = _plain(value)
    if declared.count_or:
        return _count_or_word(plain, declared.count_or, name)
    accepted, description = _KINDS[kind]
    is_right = isinstance(plain, accepted) and (kind is bool or not isinstance(plain, bool))
    problem = _bounds_problem(plain, declared) if is_right else description
    if problem:
        raise UserError(f"{name}: is {shown(value)}; it must be {problem}")
    return kind(plain)


def _count_or_word(value: object, word: str, name: str) -> str:
    text = str(value).strip()
    is_number = not isinstance(value, (bool, float)) and text.isascii() and text.isdecimal()
    is_count = is_number and len(text) <= _MAX_DIGITS and int(text) > 0
    if not is_count and text != word:
        raise UserError(f"{name}: is {shown(value)}; it must be a whole number of at least 1, or {word}")
    return str(int(text)) if is_count else word


def _plain(value: object) -> object:
    """Returns the Python value of a scalar of NumPy or the like; other values are returned unchanged."""
    is_scalar = getattr(value, "shape", None) == () and callable(getattr(value, "item", None))
    return value.item() if is_scalar else value


def _bounds_problem(value: object, declared: Flag) -> str | None:
    if declared.positive and not _MIN_FLOAT32 <= value <= _MAX_FLOAT32:
        return "more than 0 and finite, also as a float32"
    if declared.lower_bound is not None and not value >= declared.lower_bound:
        return f"at least {declared.lower_bound}"
    if declared.upper_bound is not None and not value <= declared.upper_bound:
        return f"at most {declared.upper_bound}"
    is_float = isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)
    # Not a number is not larger than anything.
    if is_float and not abs(value) <= _MAX_FLOAT32:
        return "finite, also as a float32"
    if declared.choices and value not in declared.choices:
        return f"one of {', '.join(declared.choices)}"
    return None
