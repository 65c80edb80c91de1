"""What `app web build` wrote: the files, and what the policy of the page has to allow."""

import json
from dataclasses import dataclass
from pathlib import Path

FILES = "client"
FACTS = "policy.json"
PAGE = "index.html"
# Copies that the build adds, the smallest first, by their name in Accept-Encoding.
ENCODINGS = {"br": ".br", "gzip": ".gz"}


class BuildError(Exception):
    """The folder has no complete build; the message says what to do."""


@dataclass(frozen=True)
class Build:
    """A production build."""

    # Path of the application, which begins and ends with a slash.
    base: str
    # Hashes of the inline scripts of the page, as in `sha256-…`.
    scripts: tuple[str, ...]
    # Every file by its path below `base`. Only these are served, whatever a path contains.
    files: dict[str, Path]

    @classmethod
    def read(cls, folder: Path) -> "Build":
        """Read a folder once, at the start: it does not change while the process runs.

        Raises:
            BuildError: there is no complete build.
        """
        root = folder / FILES
        try:
            facts = json.loads((folder / FACTS).read_text("utf-8"))
        except OSError:
            raise BuildError(
                f"FRONTEND_FOLDER is {folder}, where no build is: run `uv run app web build`."
            ) from None
        copies = tuple(ENCODINGS.values())
        files = {
            path.relative_to(root).as_posix(): path
            for path in root.rglob("*")
            if path.is_file() and path.suffix not in copies
        }
        if PAGE not in files:
            raise BuildError(f"{root} has no {PAGE}: run `uv run app web build`.")
        return cls(facts["base"], tuple(facts["scripts"]), files)
