"""Where the launcher takes the template from."""

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
    """A template for Copier: `url`, the `ref` to take (None: newest tag), a note to show."""

    url: str
    ref: str | None = None
    note: str | None = None


def find_source(ref: str | None) -> Source:
    """The template this launcher belongs to, at `ref` if one is given.

    Installed from a git URL (`uvx --from git+URL new`), that URL; else the checkout it lies in.

    Raises:
        LauncherError: neither is there, or the checkout has no commit to take.
    """
    if (_CHECKOUT / "copier.yml").is_file():
        return _from_checkout(_CHECKOUT, ref)
    try:
        recorded = distribution(_DISTRIBUTION).read_text("direct_url.json")
    except PackageNotFoundError:
        recorded = None
    # PEP 610: how an installer records where a package came from.
    origin = json.loads(recorded) if recorded else {}
    if "vcs_info" in origin:
        return Source(f"git+{origin['url']}", ref or origin["vcs_info"].get("requested_revision"))
    if str(origin.get("url", "")).startswith("file://"):
        folder = Path(origin["url"].removeprefix("file://"))
        if (folder / "copier.yml").is_file():
            return _from_checkout(folder, ref)
    raise LauncherError(
        "The launcher does not know where its template is: run it from a checkout (uv run new …) "
        "or from the template's git address (uvx --from git+URL new …)."
    )


def _from_checkout(folder: Path, ref: str | None) -> Source:
    """The checkout's template: unless asked, never a state that no later update could find."""
    url = str(folder)
    if not (folder / ".git").exists():
        return Source(
            url,
            note="The template is not a git repository: this project cannot be updated from it.",
        )
    dirty = bool(git.read(folder, "status", "--porcelain"))
    if ref == "HEAD" and dirty:
        return Source(
            url,
            ref,
            note="The template's uncommitted changes are included: no later update will find them.",
        )
    if ref is not None or git.read(folder, "tag", "--list"):
        return Source(url, ref)
    commit = git.read(folder, "rev-parse", "--verify", "--quiet", "HEAD", check=False)
    if not commit:
        raise LauncherError(
            "The template's repository has no commit yet: commit it, or pass --vcs-ref HEAD to "
            "render what is on disk."
        )
    if dirty:
        return Source(
            url,
            commit,
            note="The template's uncommitted changes are left out: commit them, or pass "
            "--vcs-ref HEAD to include them.",
        )
    return Source(url, commit)
