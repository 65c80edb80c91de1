"""Settings of the process, read from the environment, `.env` and the running dev stack.

The project's own class is `app.settings.Settings`, a subclass of `CoreSettings`; a feature adds a
group of its own as a subclass of `FeatureSettings` in its `settings.py`.
"""

from app.core.settings.core import PUBLIC_DEMO_KEYS, CoreSettings
from app.core.settings.errors import SettingsError
from app.core.settings.groups import (
    BootSettings,
    CommaList,
    FeatureSettings,
    Problem,
    SettingsGroup,
    check_settings,
    load_settings,
    raise_problems,
)
from app.core.settings.project import get_settings, project_settings

__all__ = [
    "PUBLIC_DEMO_KEYS",
    "BootSettings",
    "CommaList",
    "CoreSettings",
    "FeatureSettings",
    "Problem",
    "SettingsError",
    "SettingsGroup",
    "check_settings",
    "get_settings",
    "load_settings",
    "project_settings",
    "raise_problems",
]
