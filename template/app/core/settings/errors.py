"""The error of the settings."""


class SettingsError(ValueError):
    """Settings are missing or wrong; the message names every variable and what to do.

    Pydantic reports a ValueError of a validator as a wrong value, so validators may raise it too.
    """
