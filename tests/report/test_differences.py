from bert_tf.report.differences import differing_words


def marked(parts):
    return [text for text, is_marked in parts if is_marked]


def joined(parts):
    return " ".join(text for text, _ in parts)


def test_words_that_only_one_text_has_are_marked_and_no_word_is_lost():
    first, second = differing_words("The firm has won its fight today .", "The firm has lost its long fight .")
    assert (marked(first), marked(second)) == (["won", "today"], ["lost", "long"])
    assert joined(first) == "The firm has won its fight today ."
    assert joined(second) == "The firm has lost its long fight ."


def test_capitals_are_no_difference():
    assert not any(marked(parts) for parts in differing_words("Rain Falls .", "rain falls ."))


def test_texts_with_little_in_common_are_not_marked_all_over():
    texts = ("Who wrote the novel ?", "It was published in London by a small press in 1847 .")
    assert differing_words(*texts) == ([(texts[0], False)], [(texts[1], False)])


def test_texts_without_words_are_kept():
    assert differing_words("", "") == ([], [])
    assert differing_words("", "a word") == ([("", False)], [("a word", False)])
