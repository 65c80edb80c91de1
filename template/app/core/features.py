"""The loader: finds the features and imports their modules.

A feature is a package below `app/features/`, or below `app/extensions/` if it came with the
template. It registers nothing: it has modules with fixed names, and `EXTENSION_POINTS` says which
name the loader takes from each. A new kind of module is one more entry there. A module may also
have the name of another feature, such as `admin`: that feature loads it and gets the whole module.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from app.core.settings import BootSettings, load_settings, project_settings

if TYPE_CHECKING:
    from app.settings import Settings

# Core must not import these packages, so it knows them by their names.
FEATURE_PACKAGES = ("app.extensions", "app.features")

# Module of a feature -> the name that it must define; None where the import is enough.
# The class `Middleware` has `exposed_headers`: the response headers that browser apps may read.
# With `renders_problems = True`, it also gets the problems that are answered before any middleware.
EXTENSION_POINTS: dict[str, str | None] = {
    "models": None,
    "settings": "SETTINGS",
    "routes": "router",
    "routers": "prepare",
    "mount": "mount",
    "celery": "configuration",
    "tasks": None,
    "task_headers": "headers",
    "schedules": "SCHEDULES",
    "cli": "cli",
    "events": "EVENTS",
    "failures": "report",
    "counters": "add",
    "webhooks": "router",
    "tokens": "verify",
    "scopes": "SCOPES",
    "openapi": "describe",
    "process": "run",
    "lifespan": "lifespan",
    "middleware": "Middleware",
    "checks": "CHECKS",
    "links": "LINKS",
    "seeds": "seed",
    "personal_data": "TABLES",
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
        """Import the feature's module `kind`; return None if there is none.

        Raises:
            FeatureError: the import of the module fails.
        """
        if not any((self.path / file).exists() for file in (f"{kind}.py", f"{kind}/__init__.py")):
            return None
        dotted = f"{self.package}.{kind}"
        try:
            return importlib.import_module(dotted)
        except Exception as error:
            missing = (isinstance(error, ModuleNotFoundError) and error.name) or ""
            advice = (
                ". It uses a feature that is not in the code: switch the option of that feature on "
                "again, or change this one"
                if missing.startswith(tuple(f"{package}." for package in FEATURE_PACKAGES))
                else ""
            )
            raise FeatureError(
                f"Feature '{self.name}' cannot be loaded: {dotted} raised "
                f"{type(error).__name__}: {error}{advice}"
            ) from error

    @property
    def summary(self) -> str:
        """First line of the package's docstring."""
        doc = importlib.import_module(self.package).__doc__ or ""
        return doc.strip().partition("\n")[0]

    @property
    def route_path(self) -> str:
        """Path of its routes below API_PREFIX: `PATH` of its `routes.py`, or its name."""
        path: str = getattr(self.module("routes"), "PATH", self.name)
        return path

    @property
    def migrations(self) -> Path:
        """Folder of the feature's Alembic branch; it may not exist."""
        return self.path / "migrations"


# Core has models, tasks and schedules of its own, in modules with the same names.
CORE = Feature("core", "app.core.tasks", Path(__file__).parent / "tasks")


def installed() -> tuple[Feature, ...]:
    """Return every feature in the code, sorted by name, regardless of `FEATURES`.

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
                        "this name. Rename one of the two."
                    )
                found[name] = Feature(name, f"{package}.{name}", Path(root) / name)
    return tuple(found[name] for name in sorted(found))


def features() -> tuple[Feature, ...]:
    """Return the features that this process loads: all, or those that `FEATURES` names.

    Raises:
        FeatureError: `FEATURES` names a feature that does not exist.
        SettingsError: see `load_settings`.
    """
    found = installed()
    names = load_settings(BootSettings).features or [feature.name for feature in found]
    if unknown := sorted(set(names) - {feature.name for feature in found}):
        raise FeatureError(
            f"FEATURES names {', '.join(unknown)}, which is not in the code; "
            f"there are: {', '.join(feature.name for feature in found)}."
        )
    return tuple(feature for feature in found if feature.name in names)


def extra_features() -> tuple[Feature, ...]:
    """Return the packages of `EXTRA_FEATURES`, which are no part of the app.

    Their middleware is outside of that of the others: see `RequestContext`. Nothing is imported
    where the service is online: the settings are refused there.

    Raises:
        FeatureError: a package cannot be imported.
        SettingsError: see `load_settings`.
    """
    settings = load_settings(BootSettings)
    found = []
    for package in () if settings.online else settings.extra_features:
        try:
            path = Path(importlib.import_module(package).__path__[0])
        except (ImportError, AttributeError) as error:
            raise FeatureError(
                f"EXTRA_FEATURES names {package}, which is not a package that can be imported "
                f"({error}). Remove it."
            ) from error
        found.append(Feature(package.rpartition(".")[2], package, path))
    return tuple(found)


def owner_of(module: str) -> str | None:
    """Return the feature of a module, given by its dotted name; `core` for core itself."""
    match module.split("."):
        case ["app", "extensions" | "features", name, *_]:
            return name
        case ["app", "core", *_]:
            return CORE.name
    return None


@cache
def load(kind: str) -> tuple[tuple[Feature, Any], ...]:
    """Return `(feature, object)` for core and every loaded feature that has a module `kind`.

    The object is the one that `EXTENSION_POINTS` names, or the module.

    Raises:
        FeatureError: there is no such kind, or a module cannot be imported or lacks the name that
            it must define.
    """
    known = {*EXTENSION_POINTS, *(feature.name for feature in installed())}
    if kind not in known:
        raise FeatureError(
            f"'{kind}' is not a kind of module. The kinds are: {', '.join(sorted(known))}."
        )
    required = EXTENSION_POINTS.get(kind)
    found = []
    for feature in (CORE, *features(), *extra_features()):
        module = feature.module(kind)
        if module is None:
            continue
        if required and not hasattr(module, required):
            raise FeatureError(
                f"Feature '{feature.name}': {module.__name__} defines no `{required}`"
            )
        found.append((feature, getattr(module, required) if required else module))
    return tuple(found)


def load_models() -> None:
    """Import the models of core and all installed features: relations and metadata are complete.

    `FEATURES` does not apply here: the tables of a feature stay known when it is not served.
    """
    for feature in (CORE, *installed()):
        feature.module("models")


def load_all_settings() -> "Settings":
    """Return the project's settings, checked together with those of every loaded feature.

    Raises:
        SettingsError: one message that names every variable that is missing or wrong.
    """
    groups = [group for _, group in load("settings")]
    settings: Settings = load_settings(project_settings(), *groups)
    return settings
