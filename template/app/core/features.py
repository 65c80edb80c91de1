"""The loader: finds the features and takes from each what it offers.

A feature is a package below `app/features/`, or below `app/extensions/` if it came with the
template. It registers nothing: it holds modules with fixed names, and the table `EXTENSION_POINTS`
says what is taken from which. A new kind of module is one more entry there.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from app.core.settings import (
    BootSettings,
    check_settings,
    get_settings,
    load_settings,
    project_settings,
    raise_problems,
)

if TYPE_CHECKING:
    from app.settings import Settings

# Where features are found. Core knows these packages by name only, and imports neither.
FEATURE_PACKAGES = ("app.extensions", "app.features")

# Module of a feature -> the name that it must define, or None where importing it is enough. A
# module that is named after another feature is loaded by that feature, and gets the module.
EXTENSION_POINTS: dict[str, str | None] = {
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
    "checks": "CHECKS",
    "links": "LINKS",
}


class FeatureError(Exception):
    """A feature cannot be loaded; the message names it."""


@dataclass(frozen=True)
class Feature:
    """A package that the loader takes modules from."""

    name: str
    package: str
    path: Path

    def module(self, kind: str) -> ModuleType | None:
        """Import the feature's module `kind`, or return None where it has none.

        Raises:
            FeatureError: the module is there and its import fails.
        """
        if not any((self.path / place).exists() for place in (f"{kind}.py", f"{kind}/__init__.py")):
            return None
        dotted = f"{self.package}.{kind}"
        try:
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


# The machinery has models, tasks and schedules of its own, in modules of the same names.
CORE = Feature("core", "app.core.tasks", Path(__file__).parent / "tasks")


def installed() -> tuple[Feature, ...]:
    """Every feature in the code, by name, whatever `FEATURES` says.

    Raises:
        FeatureError: two features have the same name.
    """
    found: dict[str, Feature] = {}
    for package in FEATURE_PACKAGES:
        for root in importlib.import_module(package).__path__:
            for _, name, is_package in pkgutil.iter_modules([root]):
                if not is_package or name.startswith("_"):
                    continue
                if name in found or name == CORE.name:
                    raise FeatureError(
                        f"The name '{name}' is taken: {Path(root) / name} is a second feature with "
                        "it. Rename one of the two."
                    )
                found[name] = Feature(name, f"{package}.{name}", Path(root) / name)
    return tuple(found[name] for name in sorted(found))


def features() -> tuple[Feature, ...]:
    """The features this process loads, by name: all, or those that `FEATURES` names.

    Raises:
        FeatureError: `FEATURES` names one that is not there.
        SettingsError: see `load_settings`.
    """
    return _narrow(installed(), load_settings(BootSettings).features)


def owner_of(module: str) -> str | None:
    """Name of the feature that holds a module, by its dotted name; `core` for the machinery."""
    match module.split("."):
        case ["app", "extensions" | "features", name, *_]:
            return name
        case ["app", "core", *_]:
            return CORE.name
    return None


@cache
def load(kind: str) -> tuple[tuple[Feature, Any], ...]:
    """Return `(feature, offered object)` of core and every feature that has a module `kind`.

    Raises:
        FeatureError: a module cannot be imported or lacks the name it must define.
    """
    return tuple(_offers(kind))


def load_models() -> None:
    """Import the models of core and all installed features: relations and metadata are complete.

    `FEATURES` does not narrow this: a table stays known where its feature is not served.
    """
    for feature in (CORE, *installed()):
        feature.module("models")


def load_all_settings() -> "Settings":
    """Return the project's settings, after those of every loaded feature have been checked too.

    Raises:
        SettingsError: one message that names every variable that is missing or wrong.
    """
    groups = (project_settings(), *(group for _, group in load("settings")))
    raise_problems(check_settings(*groups))
    return get_settings()


def _narrow(found: tuple[Feature, ...], names: list[str] | None) -> tuple[Feature, ...]:
    if names is None:
        return found
    unknown = sorted(set(names) - {feature.name for feature in found})
    if unknown:
        raise FeatureError(
            f"FEATURES names {', '.join(unknown)}, which is not in the code; "
            f"there are: {', '.join(feature.name for feature in found)}."
        )
    return tuple(feature for feature in found if feature.name in names)


def _offers(kind: str) -> Iterator[tuple[Feature, Any]]:
    required = EXTENSION_POINTS.get(kind)
    for feature in (CORE, *features()):
        module = feature.module(kind)
        if module is None:
            continue
        if required is None:
            yield feature, module
        elif hasattr(module, required):
            yield feature, getattr(module, required)
        else:
            raise FeatureError(
                f"Feature '{feature.name}': {module.__name__} defines no `{required}`"
            )
