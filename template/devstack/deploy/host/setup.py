"""Prepares the machine. Every step looks first whether it is done."""

import pwd
import shutil

from devstack.deploy.host import units
from devstack.deploy.host.output import phase
from devstack.deploy.host.place import Place
from devstack.deploy.host.programs import own, run

# Program -> package of Debian.
PACKAGES = {"caddy": "caddy", "flock": "util-linux", "setpriv": "util-linux"}
PUBLIC, PRIVATE = 0o755, 0o700

# No connection is kept for a second request: each one finds the release that serves now. A request
# that finds no process waits for it.
SITE = """\
# Written by `app deploy setup`.
{domain} {{
	reverse_proxy unix/{folder}/current/api.sock {{
		lb_try_duration 10s
		lb_try_interval 50ms
		transport http {{
			keepalive off
		}}
	}}
}}
"""


def setup(place: Place) -> None:
    """Install what is missing, and write the configuration of Caddy and systemd."""
    packages(place)
    user(place)
    folders(place)
    phase("units", str(place.units))
    units.write(place)
    caddy(place)


def packages(place: Place) -> None:
    """Install Caddy, and uv in an environment of its own."""
    missing = {package for program, package in PACKAGES.items() if not shutil.which(program)}
    if not place.has_uv:
        missing.add("python3-venv")
    if missing:
        phase("packages", ", ".join(sorted(missing)))
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", environment=environment)
        install = ("apt-get", "install", "--yes", "--no-install-recommends")
        run(*install, *sorted(missing), environment=environment)
    if not place.has_uv:
        phase("uv", str(place.home / "uv"))
        place.home.mkdir(parents=True, exist_ok=True)
        run("python3", "-m", "venv", str(place.home / "uv"))
        run(str(place.home / "uv/bin/pip"), "install", "--quiet", "uv")


def user(place: Place) -> None:
    """Create the user of the processes, who cannot sign in."""
    try:
        pwd.getpwnam(place.user)
    except KeyError:
        phase("user", place.user)
        options = ("--system", "--user-group", "--no-create-home", "--home-dir=/nonexistent")
        run("useradd", *options, "--shell=/usr/sbin/nologin", place.user)


def folders(place: Place) -> None:
    """Create the folders. Only the user of the processes reads the backups."""
    for path in (place.home, place.release(""), place.cache):
        path.mkdir(mode=PUBLIC, parents=True, exist_ok=True)
    place.backups.mkdir(mode=PRIVATE, exist_ok=True)
    place.backups.chmod(PRIVATE)
    own(place.backups, place.user)


def caddy(place: Place) -> None:
    """Let Caddy serve the domain, beside what else it serves."""
    phase("caddy", place.domain)
    site = place.home / "Caddyfile"
    site.write_text(SITE.format(domain=place.domain, folder=place.folder))
    line = f"import {site}"
    main = place.caddyfile
    lines = main.read_text().splitlines() if main.exists() else []
    if line not in lines:
        main.parent.mkdir(parents=True, exist_ok=True)
        # The page that the package brings answers on port 80, which redirects to TLS.
        kept = [] if any("The Caddyfile is an easy way" in each for each in lines) else lines
        main.write_text("".join(f"{each}\n" for each in [*kept, line]))
    run("systemctl", "enable", "caddy.service")
    run("systemctl", "reload-or-restart", "caddy.service")
