"""`app feature new` writes a feature from the blueprint. It needs ruff, which the image lacks."""

import inspect
import keyword
import re
import shutil
import tokenize
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from app.core.cli.errors import CliError
from app.core.cli.feature import cli
from app.core.features import CORE, installed
from devstack.formatting import tidy

BLUEPRINT = Path(__file__).parent / "blueprint"
# A folder for each other scope, with the files that replace those of the blueprint.
SCOPES = Path(__file__).parent / "scopes"
# A folder for each addition to a feature, with its files. Each is a flag of the command. If
# there is the same addition for another scope, its files are in a folder with that name.
ADDONS = Path(__file__).parent / "addons"
USER = "user"
SCOPE_NAMES = (USER, *sorted(path.name for path in SCOPES.iterdir()))

# Names of tables and indexes start with it, and Postgres truncates names after 63 bytes.
MAX_NAME = 30
SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def _with_addons(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command a flag for each folder in `ADDONS`, as in `--pages`."""
    signature = inspect.signature(command)
    own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    flags = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option(f"--{name}", help=f"With {name}.")],
        )
        for name in addon_names()
    ]
    command.__signature__ = signature.replace(parameters=[*own, *flags])  # type: ignore[attr-defined]
    return command


def addon_names() -> list[str]:
    """Return the additions that there are in this project."""
    return sorted(path.name for path in ADDONS.iterdir()) if ADDONS.is_dir() else []


@cli.command()
@_with_addons
def new(
    name: Annotated[str, typer.Argument(help="In the plural, as in its path: orders.")],
    model: Annotated[
        str | None,
        typer.Option(help="The singular, in snake_case; default: NAME without its plural ending."),
    ] = None,
    scope: Annotated[
        str, typer.Option(help=f"Whom a row belongs to: {', '.join(SCOPE_NAMES)}.")
    ] = USER,
    **addons: bool,
) -> None:
    """Write a complete feature: table, migration, routes, tasks, schedule and tests."""
    if scope not in SCOPE_NAMES:
        raise CliError(f"There is no scope '{scope}': use one of {', '.join(SCOPE_NAMES)}.")
    chosen = [addon for addon, is_chosen in addons.items() if is_chosen]
    for addon in chosen:
        if scope not in addon_scopes(addon):
            scopes = " and ".join(f"`{each}`" for each in addon_scopes(addon))
            raise CliError(f"--{addon} is for the scope {scopes}: leave one of the two out.")
    root = Path.cwd()
    if not (root / "app" / "features").is_dir():
        raise CliError("Run this in the folder of the project, which contains pyproject.toml.")
    if name in {CORE.name, *(feature.name for feature in installed())}:
        raise CliError(f"The feature '{name}' already exists: choose another name.")
    targets = {
        "feature": root / "app" / "features" / name,
        "tests": root / "tests" / "features" / name,
    }
    words = _words(name, model, scope, chosen)
    for target in targets.values():
        if target.exists():
            raise CliError(f"{target.relative_to(root)} already exists: choose another name.")
    written: list[Path] = []
    try:
        for part, target in targets.items():
            written += _write(files(part, scope, chosen), target, words)
        tidy(*(path for path in written if path.suffix == ".py"))
    except BaseException:
        # With an incomplete feature, the project would not start.
        for target in targets.values():
            shutil.rmtree(target, ignore_errors=True)
        raise
    for path in written:
        print(f"Wrote {path.relative_to(root)}")
    print(
        "\nNext:\n"
        "  uv run app db upgrade\n"
        f"  uv run pytest tests/features/{name}\n"
        f"Then change app/features/{name}/models.py as you need, and run\n"
        f'  uv run app db migrate --feature {name} -m "What changes"'
    )


def files(part: str, scope: str, addons: Sequence[str] = ()) -> dict[str, Path]:
    """Return the templates of a part, `feature` or `tests`, by their place in it."""
    additions = (_addon(each, scope) / part for each in addons)
    folders = (BLUEPRINT / part, SCOPES / scope / part, *additions)
    return {
        str(path.relative_to(folder)).removesuffix(".txt"): path
        for folder in folders
        for path in sorted(folder.rglob("*.txt"))
    }


def addon_scopes(addon: str) -> list[str]:
    """Return the scopes of features to which an addition can be made."""
    return [scope for scope in SCOPE_NAMES if _addon(addon, scope).is_dir()]


def _addon(addon: str, scope: str) -> Path:
    return ADDONS / addon if scope == USER else ADDONS / addon / scope


def _words(name: str, model: str | None, scope: str, addons: Sequence[str]) -> dict[str, str]:
    """Check the names and return the value of each placeholder of the blueprint."""
    if not SNAKE_CASE.fullmatch(name) or len(name) > MAX_NAME:
        raise CliError(
            f"'{name}' is not a valid feature name: use lower-case letters, digits and single "
            f"underscores, start with a letter, at most {MAX_NAME} characters, as in `order_lines`."
        )
    one = model or _singular(name)
    if not SNAKE_CASE.fullmatch(one):
        raise CliError(f"'{one}' is not a valid singular name: write it in snake_case.")
    words = _placeholders(name, one)
    if {one, words["Entity"]} & _used_names(scope, addons) or keyword.iskeyword(one):
        raise CliError(
            f"A feature '{name}' with the singular '{one}' would hide a name that its code uses: "
            f"choose another, for example `--model {name}_entry`."
        )
    return words


def _placeholders(name: str, one: str) -> dict[str, str]:
    spoken = one.replace("_", " ")
    article = "an" if one[0] in "aeiou" else "a"
    return {
        "features": name,
        "FEATURES": name.upper(),
        "Features": name.replace("_", " ").capitalize(),
        "one": one,
        "Entity": "".join(part.capitalize() for part in one.split("_")),
        "a_one": f"{article} {spoken}",
        "A_one": f"{article.capitalize()} {spoken}",
    }


def _singular(name: str) -> str:
    for ending, singular in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch")):
        if name.endswith(ending):
            return name.removesuffix(ending) + singular
    return name.removesuffix("s")


def _write(templates: dict[str, Path], target: Path, words: dict[str, str]) -> list[Path]:
    written = []
    for relative, path in templates.items():
        result = target / relative.replace("features", words["features"])
        result.parent.mkdir(parents=True, exist_ok=True)
        result.write_text(_render(path, words), encoding="utf-8")
        written.append(result)
    return written


def _render(path: Path, words: dict[str, str]) -> str:
    return Template(path.read_text(encoding="utf-8")).substitute(words)


def _used_names(scope: str, addons: Sequence[str]) -> set[str]:
    """Identifiers in the blueprint's code that do not come from a placeholder."""
    words = _placeholders("zz_features", "zz_one")
    return {
        name
        for part in ("feature", "tests")
        for path in files(part, scope, addons).values()
        if path.name.endswith(".py.txt")
        for name in _identifiers(_render(path, words))
        if "zz" not in name.lower()
    }


def _identifiers(code: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(StringIO(code).readline):
        if token.type == tokenize.NAME:
            yield token.string
