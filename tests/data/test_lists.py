"""Lists that programs of others give."""

import numpy as np
import pytest

from bert_tf.data.lists import elements_of


@pytest.mark.parametrize("values", [["a", "b"], ("a", "b"), np.array(["a", "b"]), {"a": 1, "b": 2}.keys(), iter("ab")])
def test_a_list_has_its_elements(values):
    assert elements_of(values) == ["a", "b"]


@pytest.mark.parametrize("value", ["ab", b"ab", {"a": 1}, 3, None, np.array("ab"), np.array(3.0)])
def test_what_is_no_list_has_none(value):
    assert elements_of(value) is None


def test_an_error_inside_a_generator_is_its_own():
    with pytest.raises(TypeError, match="mine"):
        elements_of(_fail() for _ in range(1))


def _fail() -> None:
    raise TypeError("mine")
