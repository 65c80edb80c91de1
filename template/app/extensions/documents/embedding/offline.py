"""Vectors without a model: texts are near each other as far as they share words, or parts of them.

Each word, and each run of letters in it, adds to a few numbers of the vector that its hash picks
(feature hashing: Weinberger and others, 2009, arXiv:0902.2206). So inflections and compounds are
near ("delivered", "delivery"), in any script; synonyms are not. Good for development, for tests,
and for search by word forms; a real model knows what words mean.
"""

import math
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from app.extensions.documents.embedding import Vector, model_name
from app.extensions.documents.settings import DocumentSettings

BATCH = 64
_WORD = re.compile(r"\w+")
_GRAM = 4  # letters in a run
_LONGEST = 40  # letters of a word that are looked at
# Scripts that write without spaces: a word there is a line, and runs of two are the words.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


class OfflineEmbedder:
    """The same text has the same vector on every machine, for ever."""

    batch = BATCH

    def __init__(self, settings: DocumentSettings) -> None:
        self.dimensions = settings.embedding_dimensions
        self.model = model_name(settings)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """See `Embedder`."""
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> Vector:
        vector = [0.0] * self.dimensions
        words = Counter(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))
        for word, count in words.items():
            # Said ten times is not ten times as much said.
            times = 1 + math.log(count)
            for number, weight in _features(word[:_LONGEST]):
                # One bit of the hash is a sign, so that features that meet tend to cancel out.
                place, sign = number >> 1, 1 if number & 1 else -1
                vector[place % self.dimensions] += sign * weight * times
        length = math.hypot(*vector) or 1.0
        return [number / length for number in vector]


@lru_cache(maxsize=50_000)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    return tuple((zlib.crc32(name.encode()), weight) for name, weight in _named(word))


def _named(word: str) -> Iterator[tuple[str, float]]:
    """The features of a word, with their weights: the rarer in a language, the more."""
    if _UNSPACED.search(word):
        for start in range(max(1, len(word) - 1)):
            yield word[start : start + 2], 1.0
        return
    # Words of every language that say little are short: no list of them is needed.
    weight = min(len(word), 8) / 8
    yield f"={word}", weight**2
    padded = f"<{word}>"
    runs = [padded[start : start + _GRAM] for start in range(max(1, len(padded) - _GRAM + 1))]
    for run in runs:
        yield run, weight**2 / math.sqrt(len(runs))
