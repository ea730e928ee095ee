"""Hundreds of files in many forms: each is read as it was written, or refused in one line. See support/own_files.py."""

import pytest
from support.own_files import ALL_FILES, File

from bert_tf.data.own_data import OwnDataOptions, OwnDataProcessor, files_of
from bert_tf.data.own_files import OwnFiles
from bert_tf.errors import UserError


def test_there_are_hundreds_of_different_files():
    assert len({file.id for file in ALL_FILES}) == len(ALL_FILES) > 500
    assert len({(file.name, file.content) for file in ALL_FILES}) > 450


@pytest.mark.parametrize("file", ALL_FILES, ids=[file.id for file in ALL_FILES])
def test_each_file_is_read_as_it_was_written_or_refused_in_one_line(tmp_path, file: File):
    path = tmp_path / file.name
    path.write_bytes(file.content)
    processor = OwnDataProcessor(files_of(OwnFiles(train=path)), OwnDataOptions(dev_split=0.0))
    if file.rows is not None:
        examples = processor.get_train_examples()
        assert [(example.text_a, example.label) for example in examples] == list(file.rows)
        assert processor.get_labels() == sorted({label for _, label in file.rows})
        return
    with pytest.raises(UserError) as caught:
        processor.get_train_examples()
    message = str(caught.value)
    assert message.startswith(str(path)) and file.error in message and "\n" not in message
