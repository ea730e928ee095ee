"""The input of extract_features: lines, pairs, and files that are neither."""

import json
from pathlib import Path

import pytest

from bert_tf.data.extract_lines import ExtractLines
from bert_tf.data.tokenization import FullTokenizer
from bert_tf.errors import UserError
from bert_tf.serving.pieces import cut_texts


def lines_of_bytes(folder: Path, content: bytes) -> ExtractLines:
    (folder / "input.txt").write_bytes(content)
    return ExtractLines(folder / "input.txt")


@pytest.fixture(scope="module")
def cases(golden) -> list[dict]:
    return json.loads((golden / "extract_features" / "edge_cases.json").read_text(encoding="utf-8"))


def test_the_originals_edge_cases_give_its_texts_and_pieces(golden, cases, tmp_path):
    tokenizer = FullTokenizer(golden / "squad_programs" / "inputs" / "vocab.txt")
    checked = [case for case in cases if "result" in case]
    assert len(checked) == 27
    for case in checked:
        pairs = list(lines_of_bytes(tmp_path, case["text"].encode()).pairs())
        expected = case["result"]
        assert pairs == [(line["text_a"], line["text_b"] or "") for line in expected], case
        pieces = cut_texts(tokenizer, pairs, case["settings"].get("L", 12)) if pairs else []
        for row, line in enumerate(expected):
            part = pieces.slice(row, row + 1)
            length = sum(line["input_mask"])
            assert part.ids.tolist() == line["input_ids"][:length]
            assert part.type_ids.tolist() == line["input_type_ids"][:length]
            assert tokenizer.convert_ids_to_tokens(part.ids.tolist()) == line["tokens"]


def test_bytes_that_are_no_utf8_are_one_line_with_their_place(cases, tmp_path):
    (case,) = (case for case in cases if case["raw_hex"])
    with pytest.raises(UserError, match=r"input.txt:2: byte 0xff is not UTF-8"):
        lines_of_bytes(tmp_path, bytes.fromhex(case["raw_hex"]))


def test_lines_are_counted_as_they_are_read(tmp_path):
    assert lines_of_bytes(tmp_path, b"").count == 0
    assert lines_of_bytes(tmp_path, b"\n\n").count == 2
    lines = lines_of_bytes(tmp_path, b"a\nb\x0bc\xe2\x80\xa8d")
    assert lines.count == 2 and list(lines.pairs()) == [("a", ""), ("b\x0bc\u2028d", "")]


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path):
    lines = lines_of_bytes(tmp_path, b"a\nb\n")
    (tmp_path / "input.txt").write_bytes(b"a\nc\n")
    with pytest.raises(UserError, match="has changed while it was read"):
        list(lines.pairs())


def test_a_missing_file_and_a_folder_are_one_line_each(tmp_path):
    with pytest.raises(UserError, match="there is no such file; check input_file"):
        ExtractLines(tmp_path / "none.txt")
    with pytest.raises(UserError, match="cannot be read"):
        ExtractLines(tmp_path)
