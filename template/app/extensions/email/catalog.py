"""Finds the mails of all features, and their templates."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from app.core.features import Feature, FeatureError, features, load
from app.extensions.email.schemas import Category, Mail

LAYOUT = "layout.mjml"
FOLDER = "emails"


@cache
def catalog() -> dict[str, type[Mail]]:
    """Return the class of every mail by its key, such as `users.welcome`.

    Raises:
        FeatureError: the module `email.py` of a feature cannot be loaded.
    """
    found: dict[str, type[Mail]] = {}
    for _, module in load("email"):
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, Mail) and not value.__name__.startswith("_"):
                found[value.key()] = value
    return dict(sorted(found.items()))


def mail_class(key: str) -> type[Mail]:
    """Return the class of a mail.

    Raises:
        FeatureError: no loaded feature has it.
    """
    if key not in catalog():
        raise FeatureError(f"No feature has the mail '{key}'; there are: {', '.join(catalog())}.")
    return catalog()[key]


def categories() -> dict[str, Category]:
    """Return the categories that recipients can switch off, by name."""
    found = (each.category for each in catalog().values())
    return {each.name: each for each in found if each.optional}


def homes(mail: type[Mail]) -> Iterator[Path]:
    """Yield the paths without suffix that a template may have; the first that exists is used.

    A feature of the team overrides the mail `users.welcome` with `emails/users/welcome`.
    """
    for feature in team():
        yield feature.path / FOLDER / mail.owner() / mail.template()
    for feature in features():
        if feature.name == mail.owner():
            yield feature.path / FOLDER / mail.template()


def own_layout() -> Path | None:
    """Return the layout of the team, if there is one."""
    paths = (feature.path / FOLDER / LAYOUT for feature in team())
    return next((path for path in paths if path.exists()), None)


def find(mail: type[Mail], suffix: str) -> Path:
    """Return a file of a mail.

    Raises:
        FeatureError: there is none.
    """
    *others, last = (path.with_name(path.name + suffix) for path in homes(mail))
    found = next((path for path in (*others, last) if path.exists()), None)
    if found is None:
        raise FeatureError(
            f"The mail '{mail.key()}' has no {last}. Write its .mjml, and run `uv run app email "
            "build`."
        )
    return found


def team() -> list[Feature]:
    """Return the features of the team."""
    return [feature for feature in features() if feature.package.startswith("app.features.")]
