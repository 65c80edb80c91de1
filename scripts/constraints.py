"""Write constraints.txt: the newest versions of all packages of this repository and of a project.

    uv run python -m scripts.constraints

Run it, run the tests, and commit the two files that it wrote. The versions are in pyproject.toml as
well, because uv reads the constraints of a project only there. The tests add them to the projects
that they install (tests/support/project.py).
"""

import os
import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

import copier

from scripts.blocks import replace_block

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
HEADER = """\
# The versions that the tests use. Written by `uv run python -m scripts.constraints`. Names and
# versions only, no URLs. A rendered project does not use this file: it has its own bounds.
"""


def main() -> None:
    """Resolve the dependencies of both together, and write the two files."""
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "project"
        copier.run_copy(
            str(ROOT), project, data={"preset": "everything"}, defaults=True, vcs_ref="HEAD",
            quiet=True,
        )  # fmt: skip
        own = Path(scratch) / "own"
        own.mkdir()
        text = (ROOT / "pyproject.toml").read_text("utf-8")
        (own / "pyproject.toml").write_text(with_block(text, []), "utf-8")
        requirements = Path(scratch) / "all.txt"
        requirements.write_text(declared(project) + declared(own), "utf-8")
        pins = resolved(requirements)
    CONSTRAINTS.write_text(HEADER + "".join(f"{pin}\n" for pin in pins), "utf-8")
    (ROOT / "pyproject.toml").write_text(with_block(text, pins), "utf-8")


def declared(folder: Path) -> str:
    """The requirements of a project with those of its groups, one per line."""
    data = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    lists = [data["project"].get("dependencies", []), *data.get("dependency-groups", {}).values()]
    return "".join(f"{line}\n" for entries in lists for line in entries)


def resolved(requirements: Path) -> list[str]:
    """`name==version` of every package, for all platforms and Python versions."""
    options = ["--quiet", "--universal", "--python-version", "3.11", "--upgrade"]
    bare = ["--no-header", "--no-annotate", "--no-emit-index-url"]
    output = subprocess.run(
        ["uv", "pip", "compile", *options, *bare, str(requirements)],
        # In the repository, uv would apply the constraints of pyproject.toml.
        cwd=requirements.parent,
        env={k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [line for line in output.splitlines() if re.match(r"[\w.-]+==", line)]


def with_block(pyproject: str, pins: list[str]) -> str:
    """The text of pyproject.toml with other constraints."""
    lines = "".join(f'    "{pin.replace(chr(34), chr(39))}",\n' for pin in pins)
    block = f"constraint-dependencies = [\n{lines}]\n" if pins else ""
    return replace_block(pyproject, "constraints.txt", block)


if __name__ == "__main__":
    main()
