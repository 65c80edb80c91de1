"""Splits a text between sentences into parts of similar length.

No package is used: this code knows the sentences of all common scripts, and its estimate of tokens
needs no tokenizer, which would have to be downloaded for each model.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Bytes of UTF-8 in a token. This estimate is close for every script: about four Latin letters, two
# letters of Greek, Cyrillic or Arabic, or one and a half Chinese characters.
BYTES_PER_TOKEN = 4

# Ends of sentences: Unicode's Sentence_Terminal of the scripts in wide use. Some require a space
# after them (not 3.5, not example.com), the others do not.
_SPACED = ".!?…‽;։۔؟።፧፨।॥᙮꘏꛳"
_UNSPACED = "。！？｡．‼⁇⁈⁉"
_QUOTES = "\"'”’»›)\\]」』）】"
_SENTENCE = re.compile(
    rf"(?<=[{_SPACED}])[{_QUOTES}]*\s+|(?<=[{_UNSPACED}])(?![{_UNSPACED}{_QUOTES}])|(?<=[{_UNSPACED}][{_QUOTES}])|\n\s*\n"
)


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of a file's text: a page of a PDF, a block of a DOCX, or the whole text."""

    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """The text of a future chunk, and the page on which it starts."""

    text: str
    page: int | None


def token_count(text: str) -> int:
    """Estimate the number of tokens of a text, at least one."""
    return max(1, len(text.encode()) // BYTES_PER_TOKEN)


def split(sections: Iterable[Section], *, tokens: int, overlap: int) -> Iterator[Part]:
    """Yield parts of at most `tokens` tokens; each repeats up to `overlap` of the part before.

    A longer sentence is cut between words, and a longer word anywhere.
    """
    current: list[tuple[Section, str, int]] = []
    size = 0
    for section in sections:
        for sentence in _sentences(section.text, tokens):
            count = token_count(sentence)
            if current and size + count > tokens:
                yield _joined(current)
                current, size = _tail(current, min(overlap, tokens - count))
            current.append((section, sentence, count))
            size += count
    if current:
        yield _joined(current)


def _joined(sentences: list[tuple[Section, str, int]]) -> Part:
    return Part(" ".join(text for _, text, _ in sentences), sentences[0][0].page)


def _tail(
    sentences: list[tuple[Section, str, int]], room: int
) -> tuple[list[tuple[Section, str, int]], int]:
    """Return the last sentences that fit into `room` tokens, and their number of tokens."""
    size, start = 0, len(sentences)
    while start > 1 and size + sentences[start - 1][2] <= room:
        start -= 1
        size += sentences[start][2]
    return sentences[start:], size


def _sentences(text: str, tokens: int) -> Iterator[str]:
    start = 0
    for end in (*(match.end() for match in _SENTENCE.finditer(text)), len(text)):
        if sentence := " ".join(text[start:end].split()):
            yield from _cut(sentence, tokens)
        start = end


def _cut(sentence: str, tokens: int) -> Iterator[str]:
    """Yield pieces of a sentence of at most `tokens` tokens."""
    while token_count(sentence) > tokens:
        # Cutting bytes limits the size in every script; an incomplete last character is dropped.
        piece = sentence.encode()[: tokens * BYTES_PER_TOKEN].decode(errors="ignore")
        piece = piece[: piece.rfind(" ") + 1] or piece
        yield piece.strip()
        sentence = sentence[len(piece) :]
    if sentence.strip():
        yield sentence.strip()
