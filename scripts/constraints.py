"""Write constraints.txt: the newest versions this repository and a rendered project resolve to.

    uv run python -m scripts.constraints

Run it, run the tests, commit what it wrote. The same versions are put into pyproject.toml, between
two marker lines, for uv reads constraints of a project from there only; the tests put them into the
projects they install (tests/support/project.py).
"""

import os
import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

import copier

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
HEADER = """\
# The versions the tests ran with: written by `uv run python -m scripts.constraints`. Names and
# versions only, no addresses. Nothing here binds a rendered project: its bounds are its own.
"""
BEGIN = "# Begin of constraints.txt\n"
END = "# End of constraints.txt\n"


def main() -> None:
    """Resolve both sets of dependencies together and write the two files."""
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
        requirements.write_text(exported(project) + exported(own), "utf-8")
        pins = resolved(requirements)
    CONSTRAINTS.write_text(HEADER + "".join(f"{pin}\n" for pin in pins), "utf-8")
    (ROOT / "pyproject.toml").write_text(with_block(text, pins), "utf-8")


def exported(folder: Path) -> str:
    """The bounds of every dependency of a project, groups included, one a line."""
    data = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    lists = [data["project"].get("dependencies", []), *data.get("dependency-groups", {}).values()]
    return "".join(f"{line}\n" for entries in lists for line in entries)


def resolved(requirements: Path) -> list[str]:
    """`name==version` of everything the requirements need, on every platform and Python."""
    options = ["--quiet", "--universal", "--python-version", "3.11", "--upgrade"]
    bare = ["--no-header", "--no-annotate", "--no-emit-index-url"]
    output = subprocess.run(
        ["uv", "pip", "compile", *options, *bare, str(requirements)],
        # Not here, where the constraints of last time would bind it.
        cwd=requirements.parent,
        env={k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [line for line in output.splitlines() if re.match(r"[\w.-]+==", line)]


def with_block(pyproject: str, pins: list[str]) -> str:
    """pyproject.toml with the constraints between its two marker lines replaced."""
    before, _, rest = pyproject.partition(BEGIN)
    after = rest.partition(END)[2]
    lines = "".join(f'    "{pin.replace(chr(34), chr(39))}",\n' for pin in pins)
    block = f"constraint-dependencies = [\n{lines}]\n" if pins else ""
    return f"{before}{BEGIN}{block}{END}{after}"


if __name__ == "__main__":
    main()
