"""The location of the template that the launcher renders."""

import json
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from launcher import git
from launcher.errors import LauncherError

_CHECKOUT = Path(__file__).resolve().parent.parent
_DISTRIBUTION = "copier-fastapi-supabase"


@dataclass(frozen=True)
class Source:
    """A template for Copier: its URL, a ref (None for the newest tag), and a note for the user."""

    url: str
    ref: str | None = None
    note: str | None = None


def find_source(ref: str | None) -> Source:
    """The template to which this launcher belongs, at `ref` if it is given.

    This is the checkout that contains the launcher, or the Git URL from which the launcher was
    installed (`uvx --from git+URL new`).

    Raises:
        LauncherError: there is neither of the two, or the checkout has no commit.
    """
    if (_CHECKOUT / "copier.yml").is_file():
        return _from_checkout(_CHECKOUT, ref)
    try:
        recorded = distribution(_DISTRIBUTION).read_text("direct_url.json")
    except PackageNotFoundError:
        recorded = None
    # PEP 610: the installer records the origin of a package.
    origin = json.loads(recorded) if recorded else {}
    if "vcs_info" in origin:
        return Source(f"git+{origin['url']}", ref or origin["vcs_info"].get("requested_revision"))
    if str(origin.get("url", "")).startswith("file://"):
        folder = Path(origin["url"].removeprefix("file://"))
        if (folder / "copier.yml").is_file():
            return _from_checkout(folder, ref)
    raise LauncherError(
        "The launcher does not find its template. Run it from a checkout (uv run new …) or from "
        "the template's Git URL (uvx --from git+URL new …)."
    )


def _from_checkout(folder: Path, ref: str | None) -> Source:
    """A tag or commit of the checkout, which later updates find; uncommitted changes with HEAD."""
    url = str(folder)
    if not (folder / ".git").exists():
        return Source(
            url,
            note="The template is not a Git repository, so this project cannot be updated from it.",
        )
    dirty = bool(git.read(folder, "status", "--porcelain"))
    if ref == "HEAD" and dirty:
        return Source(
            url,
            ref,
            note="The project includes uncommitted changes of the template. It cannot be updated.",
        )
    if ref is not None or git.read(folder, "tag", "--list"):
        return Source(url, ref)
    commit = git.read(folder, "rev-parse", "--verify", "--quiet", "HEAD", check=False)
    if not commit:
        raise LauncherError(
            "The template's repository has no commit. Commit it, or add --vcs-ref HEAD to render "
            "the working tree."
        )
    if dirty:
        return Source(
            url,
            commit,
            note="The project does not include the uncommitted changes of the template. Commit "
            "them, or add --vcs-ref HEAD to include them.",
        )
    return Source(url, commit)
