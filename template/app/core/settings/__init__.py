"""Settings of the process, read from the environment, `.env` and the running dev stack.

The project's own class is `app.settings.Settings`, a subclass of `CoreSettings`. A feature adds a
group of its own: a subclass of `FeatureSettings` in its `settings.py`. Three functions read them:
`get_settings()` returns the project's settings, `load_settings(group)` returns any other group, and
`check_settings(*groups)` lists what is missing or wrong.
"""

from app.core.errors import SettingsError
from app.core.settings.core import PUBLIC_DEMO_KEYS, CoreSettings
from app.core.settings.groups import (
    BootSettings,
    CommaList,
    FeatureSettings,
    Problem,
    check_settings,
    get_settings,
    load_settings,
    project_settings,
    variables,
)

__all__ = [
    "PUBLIC_DEMO_KEYS",
    "BootSettings",
    "CommaList",
    "CoreSettings",
    "FeatureSettings",
    "Problem",
    "SettingsError",
    "check_settings",
    "get_settings",
    "load_settings",
    "project_settings",
    "variables",
]
