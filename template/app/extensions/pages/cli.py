"""`app pages`: the static files of the image."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from app.core.cli.errors import CliError
from app.extensions.pages.assets import MANIFEST, FeatureAssets
from app.extensions.pages.folders import folders

cli = typer.Typer(name="pages", no_args_is_help=True, help="Pages for browsers.")

TEXT = frozenset({".css", ".html", ".js", ".json", ".map", ".mjs", ".svg", ".txt", ".xml"})


@cli.callback()
def group() -> None:
    """Pages for browsers."""


@cli.command()
def collect(
    folder: Annotated[Path, typer.Argument(help="A folder that is empty or does not exist.")],
) -> None:
    """Write the static files of all features, each with its hash and a compressed copy.

    The image serves this folder: its build sets PAGES_STATIC_FOLDER.
    """
    if folder.exists() and any(folder.iterdir()):
        raise CliError(f"{folder} is not empty: delete it, or name another folder.")
    found = FeatureAssets(folders("static"))
    manifest = {name: found.hashed(name) for name in found.names()}
    for name, hashed in manifest.items():
        target = folder / hashed
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found.file(name), target)
        if target.suffix in TEXT:
            # Without the time, the same files give the same bytes.
            zipped = gzip.compress(target.read_bytes(), 9, mtime=0)
            target.with_name(f"{target.name}.gz").write_bytes(zipped)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")
    print(f"Wrote {len(manifest)} files to {folder}")
