"""A text in parts of about the same length, cut between sentences."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Bytes of UTF-8 in a token. The tokenizers of language models have to be downloaded, and each is
# another's; by bytes, the estimate is near for every script: about four Latin letters, two of
# Greek, Cyrillic or Arabic, or one character of Chinese and a half.
BYTES_PER_TOKEN = 4

# Ends of sentences: Unicode's Sentence_Terminal of the scripts in wide use. Those of Latin and its
# neighbours need a space behind them (3.5, example.com), the others do not.
_SPACED = ".!?…‽;։۔؟።፧፨।॥᙮꘏꛳"
_CLOSE = "。！？｡．‼⁇⁈⁉"
_QUOTES = "\"'”’»›)\\]」』）】"
_SENTENCE = re.compile(
    rf"(?<=[{_SPACED}])[{_QUOTES}]*\s+|(?<=[{_CLOSE}])(?![{_CLOSE}{_QUOTES}])|(?<=[{_CLOSE}][{_QUOTES}])|\n\s*\n"
)


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of a file's text that stays in order: a page of a PDF, or all of it."""

    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes a chunk: its text, and the page where it begins."""

    text: str
    page: int | None


def token_count(text: str) -> int:
    """About how many tokens a text has, at least one."""
    return max(1, len(text.encode()) // BYTES_PER_TOKEN)


def split(sections: Iterable[Section], *, tokens: int, overlap: int) -> Iterator[Part]:
    """Yield parts of at most `tokens` tokens; each begins with up to `overlap` of the one before.

    A sentence longer than that is cut between words, a word longer than that anywhere.
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
    """The last sentences that fit into `room` tokens, and how many tokens they have."""
    size, start = 0, len(sentences)
    while start > 1 and size + sentences[start - 1][2] <= room:
        start -= 1
        size += sentences[start][2]
    return sentences[start:], size


def _sentences(text: str, tokens: int) -> Iterator[str]:
    start = 0
    for border in (*(match.end() for match in _SENTENCE.finditer(text)), len(text)):
        if sentence := " ".join(text[start:border].split()):
            yield from _cut(sentence, tokens)
        start = border


def _cut(sentence: str, tokens: int) -> Iterator[str]:
    """Pieces of a sentence of at most `tokens` tokens."""
    while token_count(sentence) > tokens:
        # Bytes, so that no piece is longer in any script; half a character at the end is dropped.
        piece = sentence.encode()[: tokens * BYTES_PER_TOKEN].decode(errors="ignore")
        piece = piece[: piece.rfind(" ") + 1] or piece
        yield piece.strip()
        sentence = sentence[len(piece) :]
    if sentence.strip():
        yield sentence.strip()
