"""The phases of a deploy and of a rollback.

Every phase can be repeated. Until `switch`, nothing has changed for clients, and `switch` is one
rename. What a process that was killed has left, the next deploy clears away.
"""

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from devstack.deploy.host import health, history, units
from devstack.deploy.host.errors import HostError
from devstack.deploy.host.output import phase, say
from devstack.deploy.host.place import Place, replace_link
from devstack.deploy.host.programs import app, own, python, run

UV = ("sync", "--frozen", "--no-group", "dev", "--no-group", "template-dev", "--group", "backup")


def deploy(place: Place, release: str, parts: Sequence[Mapping[str, Any]]) -> None:
    """Serve a release that was copied.

    Raises:
        HostError: a phase has failed. What served before serves.
    """
    if not place.secrets.exists():
        raise HostError("The machine has no settings yet: run `uv run app deploy secrets`.")
    build(place, release, parts)
    if has_pending(place, release):
        if place.backup and place.serving():
            backup(place, release)
        migrate(place, release)
    serve(place, release)
    clean(place, release)


def rollback(place: Place, release: str | None) -> None:
    """Serve an earlier release.

    Raises:
        HostError: there is none, or it does not work. What served before serves.
    """
    old = place.serving()
    chosen = release or history.before(place, old)
    if not place.is_complete(chosen):
        raise HostError(f"There is no release {chosen}: see `uv run app deploy status`.")
    if chosen == old:
        raise HostError(f"{chosen} serves already.")
    serve(place, chosen)
    if old and not release:
        history.mark_faulty(place, old)


def build(place: Place, release: str, parts: Sequence[Mapping[str, Any]]) -> None:
    """Install the packages, link the settings and make what the release serves."""
    phase("build", release)
    folder = place.release(release)
    replace_link(folder / ".env", str(place.secrets))
    # Caddy goes through `current` to this link, so that one rename switches everything.
    replace_link(folder / "api.sock", str(place.socket(release)))
    environment = {
        "UV_CACHE_DIR": str(place.cache),
        "UV_PYTHON_INSTALL_DIR": str(place.home / "python"),
    }
    run(place.uv, *UV, "--compile-bytecode", folder=folder, environment=environment)
    run(str(folder / ".venv/bin/python"), "-m", "compileall", "-q", "app", folder=folder)
    lines = [f"APP_VERSION={release}"]
    for part in parts:
        target = folder / part["name"]
        if part["command"]:
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            own(target, place.user)
            app(place, release, *part["command"], str(target))
        lines.append(f"{part['variable']}={target}")
    # The last step: a release with this file is complete.
    (folder / "release.env").write_text("".join(f"{line}\n" for line in lines))


def has_pending(place: Place, release: str) -> bool:
    """Whether the database lacks migrations of a release."""
    command = ("-m", "devstack.deploy.pending")
    return python(place, release, *command).strip() != ""


def backup(place: Place, release: str) -> None:
    """Write a backup of the database, which nobody but the user of the processes can read."""
    phase("backup", "before the migrations")
    file = place.backups / f"{release}.dump"
    file.unlink(missing_ok=True)
    say(python(place, release, "-m", "app", "db", "backup", str(file)).strip())


def migrate(place: Place, release: str) -> None:
    """Apply the migrations. Postgres lets one process do it, and a second one wait for it."""
    phase("migrate", "the old code works on the new schema")
    say(app(place, release, "db", "upgrade").strip())


def serve(place: Place, release: str) -> None:
    """Start a release beside the one that serves, switch, and stop the old one.

    Raises:
        HostError: the release does not work. What served before serves.
    """
    old = place.serving()
    stop_strays(place, {release, old})
    try:
        phase("start", "API, beside the old one")
        units.start(place, release, "api")
        health.wait_for_api(place, release)
        phase("workers", "worker and beat")
        units.start(place, release, *units.kinds())
        health.wait_for_worker(place, release)
        phase("switch", f"{old or 'nothing'} -> {release}")
        history.record(place, release)
        replace_link(place.current, f"releases/{release}")
        phase("watch", f"{place.watch_seconds:g} seconds")
        health.watch(place, release)
    except Exception:
        undo(place, release, old)
        raise
    history.mark_working(place, release)
    phase("drain", "the old processes finish their requests and tasks")
    stop_strays(place, {release})
    say(f"{release} serves.")


def undo(place: Place, release: str, old: str | None) -> None:
    """Let the old release serve, whose processes still run, and stop the new one."""
    if old is None:
        place.current.unlink(missing_ok=True)
    elif place.serving() != old:
        phase("rollback", f"{release} -> {old}")
        history.record(place, old)
        replace_link(place.current, f"releases/{old}")
    history.mark_faulty(place, release)
    units.stop(place, release)
    say(f"{release} does not work. {f'{old} serves.' if old else 'Nothing serves yet.'}")


def stop_strays(place: Place, kept: set[str | None]) -> None:
    """Stop the processes of all other releases, such as those of a deploy that was killed."""
    for release in sorted(units.running(place) - kept):
        units.stop(place, release)


def clean(place: Place, release: str) -> None:
    """Delete old releases and backups, and what is no release to go back to."""
    older = [name for name in place.releases() if name < release]
    usable = [name for name in older if history.is_usable(place, name)]
    kept = set(usable[1 - place.keep :]) | units.running(place)
    for name in set(older) - kept:
        shutil.rmtree(place.release(name), ignore_errors=True)
    for file in sorted(place.backups.glob("*.dump"))[: -place.keep]:
        file.unlink()
