"""The loader: finds the packages below `app.features` and takes from each what it offers.

A feature registers nothing. It is a package that holds modules with fixed names, and the table
`OFFERS` says what is taken from which. A later kind of module is one more entry there.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import app.features
from app.core.settings import SettingsGroup, boot_settings, check_all, get_settings

if TYPE_CHECKING:
    from app.settings import Settings

# Module of a feature -> the name that it must define, or None where importing it is enough. One
# that is named after another feature is for that one, which loads it: the module is the offer.
OFFERS: dict[str, str | None] = {
    "models": None,
    "settings": "SETTINGS",
    "routes": "router",
    "celery": "configuration",
    "tasks": None,
    "schedules": "SCHEDULES",
    "cli": "cli",
    "events": "EVENTS",
    "webhooks": "router",
    "tokens": "verify",
    "lifespan": "lifespan",
}


class FeatureError(Exception):
    """A feature cannot be loaded; the message names it."""


@dataclass(frozen=True)
class Feature:
    """A package below `app.features`."""

    name: str
    package: str
    path: Path

    def module(self, kind: str) -> ModuleType | None:
        """Import the feature's module `kind`, or return None where it has none.

        Raises:
            FeatureError: the module is there and its import fails.
        """
        dotted = f"{self.package}.{kind}"
        try:
            if importlib.util.find_spec(dotted) is None:
                return None
            return importlib.import_module(dotted)
        except Exception as error:
            raise FeatureError(
                f"Feature '{self.name}' cannot be loaded: {dotted} raised "
                f"{type(error).__name__}: {error}"
            ) from error

    @property
    def summary(self) -> str:
        """First line of the package's docstring."""
        doc = importlib.import_module(self.package).__doc__ or ""
        return doc.strip().partition("\n")[0]

    @property
    def migrations(self) -> Path:
        """Folder of the feature's Alembic branch; it may not exist."""
        return self.path / "migrations"


def installed() -> tuple[Feature, ...]:
    """Every feature in the code, by name, whatever `FEATURES` says."""
    return tuple(
        Feature(name, f"{app.features.__name__}.{name}", Path(root) / name)
        for root in app.features.__path__
        for _, name, is_package in sorted(pkgutil.iter_modules([root]), key=lambda m: m.name)
        if is_package and not name.startswith("_")
    )


def features() -> tuple[Feature, ...]:
    """The features this process loads, by name: all, or those that `FEATURES` names.

    Raises:
        FeatureError: `FEATURES` names one that is not there.
        SettingsError: see `boot_settings`.
    """
    return _narrow(installed(), boot_settings().features)


@cache
def load(kind: str) -> tuple[tuple[Feature, Any], ...]:
    """Return `(feature, offered object)` of every feature that has a module `kind`.

    Raises:
        FeatureError: a module cannot be imported or lacks the name it must define.
    """
    return tuple(_offers(kind))


def load_models() -> None:
    """Import the models of core and all installed features: relations and metadata are complete.

    `FEATURES` does not narrow this: a table stays known where its feature is not served.
    """
    importlib.import_module("app.core.tasks.models")
    for feature in installed():
        feature.module("models")


def settings_groups() -> tuple[type[SettingsGroup], ...]:
    """The project's settings class and those of the loaded features."""
    from app.settings import Settings

    return (Settings, *(group for _, group in load("settings")))


def checked_settings() -> "Settings":
    """Return the project's settings, once those of every loaded feature are good as well.

    Raises:
        SettingsError: one message that names every variable, the features' too.
    """
    check_all(settings_groups())
    return get_settings()


def _narrow(found: tuple[Feature, ...], names: list[str] | None) -> tuple[Feature, ...]:
    if names is None:
        return found
    unknown = sorted(set(names) - {feature.name for feature in found})
    if unknown:
        raise FeatureError(
            f"FEATURES names {', '.join(unknown)}, which app/features does not hold; "
            f"there are: {', '.join(feature.name for feature in found)}."
        )
    return tuple(feature for feature in found if feature.name in names)


def _offers(kind: str) -> Iterator[tuple[Feature, Any]]:
    wanted = OFFERS.get(kind)
    for feature in features():
        module = feature.module(kind)
        if module is None:
            continue
        if wanted is None:
            yield feature, module
        elif hasattr(module, wanted):
            yield feature, getattr(module, wanted)
        else:
            raise FeatureError(f"Feature '{feature.name}': {module.__name__} defines no `{wanted}`")
