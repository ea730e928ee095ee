"""The flags of run_squad.py that other programs do not have."""

import pytest

from bert_tf.errors import UserError
from bert_tf.programs.squad_config import SquadConfig


@pytest.mark.parametrize("field", ["doc_stride", "max_query_length", "n_best_size", "max_answer_length"])
def test_a_number_that_no_array_can_count_to_is_refused(field):
    with pytest.raises(UserError, match=f"^{field}: is 99999999999999999999; it must be at most 1048575$"):
        SquadConfig(do_train=True, **{field: 99999999999999999999})


@pytest.mark.parametrize("threshold", [float("nan"), float("-inf"), 1e300])
def test_a_threshold_that_is_no_finite_number_is_refused(threshold):
    with pytest.raises(UserError, match=r"^null_score_diff_threshold: is .*; it must be finite, also as a float32$"):
        SquadConfig(do_predict=True, version_2_with_negative=True, null_score_diff_threshold=threshold)
