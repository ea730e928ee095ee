"""Gradients written by hand, and graphs without them."""

import threading

import pytest
import tensorflow as tf

from bert_tf.modeling.gradients import custom_gradient, without_gradients


@custom_gradient
def tripled(x: tf.Tensor) -> tuple:
    return 3.0 * x, lambda upstream: 100.0 * upstream


def gradient() -> float:
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tripled(x)
    return float(tape.gradient(y, x))


def operations() -> list[str]:
    graph = tf.function(tripled, input_signature=[tf.TensorSpec([])], autograph=False).get_concrete_function().graph
    return [operation.type for operation in graph.get_operations()]


def test_the_gradient_is_the_one_that_is_written():
    assert gradient() == 100.0


def test_without_gradients_only_the_result_is_computed():
    with without_gradients():
        assert float(tripled(tf.constant(2.0))) == 6.0
        assert gradient() == 3.0
        assert "IdentityN" not in operations()
    assert gradient() == 100.0
    assert "IdentityN" in operations()


def test_an_exception_inside_restores_gradients():
    with pytest.raises(ValueError, match="broken"), without_gradients():
        raise ValueError("broken")
    assert gradient() == 100.0


def test_other_threads_keep_their_gradients():
    found = []
    with without_gradients():
        thread = threading.Thread(target=lambda: found.append(gradient()))
        thread.start()
        thread.join()
    assert found == [100.0]
