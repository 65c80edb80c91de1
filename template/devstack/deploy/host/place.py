"""Where everything is on the host."""

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """What `deploy.toml` says, and the folders that follow from it."""

    name: str
    folder: str
    user: str
    domain: str
    root: str
    backup: bool
    keep: int
    health_seconds: float
    watch_seconds: float

    @property
    def home(self) -> Path:
        """The folder with everything of this project but the units."""
        return Path(self.folder)

    @property
    def current(self) -> Path:
        """The link to the release that serves."""
        return self.home / "current"

    @property
    def secrets(self) -> Path:
        """The settings, which only the user of the processes can read."""
        return self.home / ".env"

    @property
    def cache(self) -> Path:
        """The packages that releases share by hard links."""
        return self.home / "cache"

    @property
    def backups(self) -> Path:
        """What `app db backup` has written, by release."""
        return self.home / "backups"

    @property
    def units(self) -> Path:
        """The folder of the machine's own units."""
        return Path(self.root) / "etc/systemd/system"

    @property
    def caddyfile(self) -> Path:
        """The configuration of Caddy, which includes that of this project."""
        return Path(self.root) / "etc/caddy/Caddyfile"

    @property
    def uv(self) -> str:
        """The program uv: that of the machine, or the one that `setup` has installed."""
        return shutil.which("uv") or str(self.home / "uv/bin/uv")

    @property
    def has_uv(self) -> bool:
        """Whether uv is there."""
        return Path(self.uv).exists()

    def release(self, name: str) -> Path:
        """The folder of a release."""
        return self.home / "releases" / name

    def runtime(self, kind: str, release: str) -> Path:
        """The folder of a running process, which systemd makes and deletes."""
        return Path(self.root) / "run" / f"{self.name}-{kind}" / release

    def socket(self, release: str) -> Path:
        """The socket of the API of a release."""
        return self.runtime("api", release) / "api.sock"

    def serving(self) -> str | None:
        """The release that serves."""
        try:
            return self.current.readlink().name
        except FileNotFoundError:
            return None

    def releases(self) -> list[str]:
        """The releases that are there, oldest first."""
        return sorted(path.name for path in self.release("").glob("*") if path.is_dir())

    def is_complete(self, release: str) -> bool:
        """Whether a release was built to its end."""
        return (self.release(release) / "release.env").exists()


def replace_link(link: Path, target: str) -> None:
    """Let a link point to another target, in one step that nobody sees half done."""
    new = link.with_name(f"{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)
