"""Which columns are texts and label, by their names or by what the user says."""

import pytest

from bert_tf.data.columns import WantedColumns, choose_columns
from bert_tf.data.delimited import DelimitedFile
from bert_tf.data.in_memory import Rows
from bert_tf.errors import UserError


def chosen(names: str, needs_label: bool = True, **wanted: str) -> list[str | None]:
    """The names of the chosen columns, of a table with these names."""
    source = Rows("x.csv", names.split(","), list)
    columns = choose_columns(source, WantedColumns(**wanted), needs_label)
    return [None if number is None else source.columns[number] for number in columns]


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        ("text,label", ["text", None, "label"]),
        ("label,text", ["text", None, "label"]),
        ("id,review,stars", ["review", None, "stars"]),
        ("Review Text,Star Rating", ["Review Text", None, "Star Rating"]),
        ("tweet_text,sentiment", ["tweet_text", None, "sentiment"]),
        ("ReviewText,ClassIndex", ["ReviewText", None, "ClassIndex"]),
        ("sentence1,sentence2,label", ["sentence1", "sentence2", "label"]),
        ("sentence2,sentence1,label", ["sentence1", "sentence2", "label"]),
        ("text_a,text_b,gold_label", ["text_a", "text_b", None]),
        ("id,qid1,qid2,question1,question2,is_duplicate", ["question1", "question2", "is_duplicate"]),
        ("Quality,#1 ID,#2 ID,#1 String,#2 String", ["#1 String", "#2 String", "Quality"]),
        ("index,question,sentence,label", ["question", "sentence", "label"]),
        ("premise,hypothesis,label", ["premise", "hypothesis", "label"]),
        ("text,label,label_text", ["text", None, "label"]),
        (",text,label", ["text", None, "label"]),
        ("Unnamed: 0,text,label", ["text", None, "label"]),
        # Of two columns the other one.
        ("Consumer said,category", ["Consumer said", None, "category"]),
        ("comment,Urteil", ["comment", None, "Urteil"]),
    ],
)
def test_columns_are_known_by_their_names(names, columns):
    if columns[2] is None:
        columns[2] = "gold_label"
    assert chosen(names) == columns


@pytest.mark.parametrize(
    ("names", "wanted", "columns"),
    [
        ("title,review,label", {"text": "review"}, ["review", None, "label"]),
        ("title,review,label", {"text": "title", "pair": "review"}, ["title", "review", "label"]),
        ("text,stars,category", {"label": "stars"}, ["text", None, "stars"]),
        ("a,b,c", {"text": "2", "label": "0"}, ["c", None, "a"]),
        ("2,1,0", {"text": "2", "label": "0"}, ["2", None, "0"]),
        ("Kommentar,Urteil", {"text": "kommentar", "label": "URTEIL"}, ["Kommentar", None, "Urteil"]),
    ],
)
def test_the_user_can_say_which_by_name_or_by_number(names, wanted, columns):
    assert chosen(names, **wanted) == columns


def test_a_test_set_needs_no_label():
    assert chosen("text", needs_label=False) == ["text", None, None]
    assert chosen("satz", needs_label=False) == ["satz", None, None]
    assert chosen("sentence1,sentence2,label", needs_label=False) == ["sentence1", "sentence2", None]


@pytest.mark.parametrize(
    ("names", "wanted", "message"),
    [
        ("title,review,label", {}, "the text may be the column 'title' or 'review'; say which with --text_column"),
        ("text,sentence1,sentence2,label", {}, "the text may be the column 'text' or 'sentence1' or 'sentence2'"),
        ("text,stars,category", {}, "the label may be the column 'stars' or 'category'; say which with --label_column"),
        ("foo,bar", {}, "x.csv: has the columns foo, bar, and no name known for a text or a label"),
        ("It rains .,good", {}, "if the file has no header, by number from 0"),
        ("text,author,date", {}, "no column is known as the label: it has the columns text, author, date"),
        ("author,date,label", {}, "no column is known as the text"),
        ("id,label", {}, "no column is known as the text"),
        ("text,text,label", {}, "the column 'text' is there twice; rename one of the two"),
        ("text,label", {"text": "revew"}, "text_column: 'revew' is no column of x.csv; it has the columns text, label"),
        (
            "text,label",
            {"label": "2"},
            "label_column: '2' is no column of x.csv; it has the columns text, label, which",
        ),
        ("text,label", {"text": "text", "label": "0"}, "label_column: names the column 'text', as text_column does"),
        ("text,label", {"text": "text", "pair": "text"}, "text_pair_column: names the column 'text', as text_column"),
        ("text,label", {"pair": "text"}, "text_pair_column: also needs --text_column"),
    ],
)
def test_what_is_not_clear_is_asked_in_one_line_that_names_the_flag(names, wanted, message):
    with pytest.raises(UserError) as caught:
        chosen(names, **wanted)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["It rains .", "It was quite a long day", "Good!", "x" * 70])
def test_texts_without_a_header_lose_none_to_it(name):
    with pytest.raises(UserError) as caught:
        chosen(name, needs_label=False)
    assert str(caught.value).endswith(
        "is the first line of the only column; pass --text_column=0 if it is a text and no name, or --text_column=NAME"
    )


def test_a_file_of_texts_is_read_from_its_first_line_if_the_column_is_a_number(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("It was a long day\nIt rains .\n")
    source = DelimitedFile(path, WantedColumns(text="0"))
    assert [tuple(row) for _, row in source.rows()] == [("It was a long day",), ("It rains .",)]
    path.write_text("what they said\nIt rains .\n")
    source = DelimitedFile(path, WantedColumns(text="what they said"))
    assert choose_columns(source, WantedColumns(text="what they said"), needs_label=False) == (0, None, None)
    assert [tuple(row) for _, row in source.rows()] == [("It rains .",)]
