"""The file that a program writes is checked first."""

import pytest

from bert_tf.errors import UserError
from bert_tf.programs.output_file import check_output_file


def test_a_place_that_cannot_be_looked_at_is_one_line(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    message = r"loop/x: cannot be written \(Too many levels of symbolic links\); name another file"
    with pytest.raises(UserError, match=message):
        check_output_file(str(loop / "x"), None, overwrite=False)
