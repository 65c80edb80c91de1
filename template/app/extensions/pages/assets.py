"""Static files, with a hash of their content in their name.

They stand in the folder `static/` of each feature; `folders` says which of two with the same name
is served. `url_for("static", path=…)` gives the name with the hash. Browsers keep such a file for a
year, because a changed file has another name. In the image, `app pages collect` has written all
files, with a compressed copy of each text.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, URLPath
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Mount, NoMatchFound
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.core.settings import load_settings
from app.extensions.pages.accept import accepts_gzip
from app.extensions.pages.folders import folders
from app.extensions.pages.settings import PagesSettings

PATH = "/static"
MANIFEST = "manifest.json"
ONE_YEAR = "public, max-age=31536000, immutable"
# A name with a hash before its last ending: `site.0123456789ab.css`.
HASHED = re.compile(r"(?P<stem>.+)\.(?P<hash>[0-9a-f]{12})(?P<ending>\.[^./]+)")


class Assets(Protocol):
    """Where files come from. Both methods raise KeyError for a name that does not exist."""

    def hashed(self, name: str) -> str:
        """Return the name with the hash."""

    def file(self, name: str) -> Path:
        """Return the file with this name, which has no hash."""


class FeatureAssets:
    """The files of the features as they are now, for development and for tests."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self._roots = [root.resolve() for root in roots]

    def hashed(self, name: str) -> str:
        """See `Assets`."""
        file = self.file(name)
        return add_hash(name, _digest(file, file.stat().st_mtime_ns))

    def file(self, name: str) -> Path:
        """See `Assets`."""
        for root in self._roots:
            file = (root / name).resolve()
            if file.is_relative_to(root) and file.is_file():
                return file
        raise KeyError(name)

    def names(self) -> list[str]:
        """Return the names of all files."""
        found = {
            path.relative_to(root).as_posix()
            for root in self._roots
            for path in root.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        return sorted(found)


class CollectedAssets:
    """The files in a folder that `app pages collect` has written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hashed: dict[str, str] = json.loads((folder / MANIFEST).read_text("utf-8"))

    def hashed(self, name: str) -> str:
        """See `Assets`."""
        return self._hashed[name]

    def file(self, name: str) -> Path:
        """See `Assets`."""
        return self._folder / self._hashed[name]


def assets() -> Assets:
    """Return the files that this process serves."""
    folder = load_settings(PagesSettings).static_folder
    return CollectedAssets(folder) if folder else FeatureAssets(folders("static"))


def add_hash(name: str, digest: str) -> str:
    """Return a name with a hash before its last ending."""
    path = Path(name)
    return path.with_name(f"{path.stem}.{digest}{path.suffix}").as_posix()


@lru_cache(1000)
def _digest(file: Path, _changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


class StaticMount(Mount):
    """Serves the files at `/static`, as the route that Starlette's users call `static`."""

    def __init__(self) -> None:
        self._files = AssetFiles()
        super().__init__(PATH, self._files, name="static")

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Return the path with the hash.

        Raises:
            NoMatchFound: there is no such file.
        """
        path = str(path_params.get("path", "")).lstrip("/")
        try:
            hashed = self._files.assets.hashed(path)
        except KeyError:
            raise NoMatchFound(name, path_params) from None
        return URLPath(f"{PATH}/{hashed}")


class AssetFiles(StaticFiles):
    """Starlette's static files by name of an asset, with headers for caches."""

    def __init__(self) -> None:
        super().__init__(check_dir=False)

    @cached_property
    def assets(self) -> Assets:
        """The files, read when the first one is asked for."""
        return assets()

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file, or its compressed copy."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        return await run_in_threadpool(self._response, Path(path).as_posix(), scope)

    def _response(self, path: str, scope: Scope) -> Response:
        match = HASHED.fullmatch(path)
        name = f"{match['stem']}{match['ending']}" if match else path
        try:
            file, hashed = self.assets.file(name), self.assets.hashed(name)
        except (KeyError, OSError, ValueError):
            raise HTTPException(404) from None
        zipped = file.with_name(f"{file.name}.gz")
        has_zipped = isinstance(self.assets, CollectedAssets) and zipped.is_file()
        accepted = accepts_gzip(Headers(scope=scope).get("accept-encoding", ""))
        sent = zipped if has_zipped and accepted else file
        response = self.file_response(sent, sent.stat(), scope)
        # An old page may ask for an old hash: it gets the file of today, which no cache may keep.
        response.headers["Cache-Control"] = ONE_YEAR if path == hashed else "no-cache"
        if has_zipped:
            response.headers["Vary"] = "Accept-Encoding"
        if sent is zipped:
            response.headers["Content-Encoding"] = "gzip"
        return response
