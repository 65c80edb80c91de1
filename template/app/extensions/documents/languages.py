"""Languages: found in a text, and the dictionaries of Postgres that know their endings."""

# By ISO 639-1; all come with Postgres 14 and later. Other languages are searched word by word.
_DICTIONARIES = {
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

SAMPLE = 5000  # characters that are enough to tell a language


def search_config(language: str | None) -> str:
    """The text search configuration for a language."""
    return _DICTIONARIES.get(language or "", "simple")


def detect(text: str) -> str:
    """Guess the language of a text, as ISO 639-1. Loads its model at the first call (0.7 s)."""
    import py3langid  # type: ignore[import-untyped]

    language: str = py3langid.classify(text[:SAMPLE])[0]
    return language
