"""Languages: their detection, and their text search configurations in Postgres."""

# By ISO 639-1. Postgres 14 and later have all of them. Words of other languages are not stemmed.
_CONFIGURATIONS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "nb": "norwegian",
    "nn": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}

SAMPLE = 5000  # characters; enough to detect a language


def search_config(language: str | None) -> str:
    """Return the text search configuration for a language."""
    return _CONFIGURATIONS.get(language or "", "simple")


def detect(text: str) -> str | None:
    """Detect the language of a text, as ISO 639-1.

    None for a language that ISO 639-1 does not have, and for a text that is not words: fewer than
    half of its characters are letters.
    """
    sample = "".join(text[:SAMPLE].split())
    if 2 * sum(map(str.isalpha, sample)) < len(sample):
        return None
    # Its model takes 0.7 s to load, and only workers detect languages.
    import py3langid  # type: ignore[import-untyped]

    language: str = py3langid.classify(text[:SAMPLE])[0]
    # Its other codes have three letters: `zxx` for no language, and languages of ISO 639-3.
    return language if len(language) == 2 else None
