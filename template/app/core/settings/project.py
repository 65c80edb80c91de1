"""The settings class of the project, which core knows by its name only."""

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from app.core.settings.groups import load_settings

if TYPE_CHECKING:
    from app.settings import Settings

PROJECT_SETTINGS = "app.settings:Settings"


def project_settings() -> "type[Settings]":
    """The project's settings class."""
    settings: type[Settings] = resolve_name(PROJECT_SETTINGS)
    return settings


def get_settings() -> "Settings":
    """Return the project's settings, read once.

    Raises:
        SettingsError: see `load_settings`.
    """
    settings: Settings = load_settings(project_settings())
    return settings
