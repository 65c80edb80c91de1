"""Splitting texts into parts."""

from hypothesis import given
from hypothesis import strategies as st

from app.extensions.documents.chunking import Section, split, token_count

# Two sentences in each script, with its own punctuation.
SENTENCES = {
    "latin": ("Version 3.5 is out. ", "See example.com! "),
    "chinese": ("今天天气很好。", "我们去公园吧！"),
    "hindi": ("यह एक वाक्य है। ", "यह दूसरा है। "),
    "arabic": ("هل أنت هنا؟ ", "نعم أنا هنا. "),
    "armenian": ("Սա նախադասություն է։ ", "Սա մյուսն է։ "),
    "ethiopic": ("ይህ ዓረፍተ ነገር ነው። ", "ይህ ሌላ ነው። "),
}


def texts(*sections: str, tokens: int, overlap: int = 0) -> list[str]:
    found = split([Section(text) for text in sections], tokens=tokens, overlap=overlap)
    return [part.text for part in found]


def test_parts_end_between_sentences_in_every_script() -> None:
    for script, (first, second) in SENTENCES.items():
        tokens = max(token_count(first), token_count(second)) + 1
        expected = [first.strip(), second.strip()] * 2
        assert texts((first + second) * 2, tokens=tokens) == expected, script


def test_a_part_repeats_the_end_of_the_part_before() -> None:
    text = "One is first. Two is next. Three is last. Four is more."
    parts = texts(text, tokens=7, overlap=3)
    assert parts == [
        "One is first. Two is next.",
        "Two is next. Three is last.",
        "Three is last. Four is more.",
    ]


def test_a_part_has_the_page_on_which_it_starts() -> None:
    pages = [Section("On page one. Still there.", 1), Section("On page two.", 2)]
    parts = list(split(pages, tokens=6, overlap=0))
    assert [(part.page, part.text) for part in parts] == [
        (1, "On page one. Still there."),
        (2, "On page two."),
    ]


def test_long_words_and_sentences_are_cut() -> None:
    assert texts("x" * 200, tokens=20) == ["x" * 80, "x" * 80, "x" * 40]
    words = texts("word " * 100, tokens=20)
    assert all(set(part.split()) == {"word"} for part in words)


@given(
    st.lists(st.text(max_size=300), max_size=5),
    st.integers(20, 60),
    st.integers(0, 10),
)
def test_no_part_is_too_long_and_no_word_is_lost(
    sections: list[str], tokens: int, overlap: int
) -> None:
    parts = texts(*sections, tokens=tokens, overlap=overlap)
    assert all(0 < token_count(part) <= tokens * 1.1 + 2 for part in parts)
    together = "".join("".join(parts).split())
    if overlap == 0:
        assert together == "".join("".join(sections).split())
    else:
        assert set("".join(sections).split()) == set() or together
