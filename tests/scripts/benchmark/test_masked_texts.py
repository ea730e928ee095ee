import numpy as np

from masked_texts import write_masked_texts


def test_each_text_fills_its_row_and_its_masked_pieces_can_be_put_back(tmp_path):
    path = tmp_path / "masks.npz"
    write_masked_texts(path, rows=8, length=32, predictions=5, vocab_size=2000)
    arrays = np.load(path)
    ids = arrays["input_ids"].reshape(8, 32)
    assert arrays["lengths"].tolist() == [32] * 8
    assert (np.sort((ids == 103).sum(axis=1)) == 5).all() and (ids[:, 0] == 101).all() and (ids[:, -1] == 102).all()
    assert (np.take_along_axis(ids, arrays["masked_lm_positions"], axis=1) == 103).all()
    assert (np.diff(arrays["masked_lm_positions"], axis=1) > 0).all()
    assert ((arrays["masked_lm_ids"] >= 999) & (arrays["masked_lm_ids"] < 2000)).all()
