"""Which releases have served, in their order, and which of them were left because of a fault."""

from devstack.deploy.host.errors import HostError
from devstack.deploy.host.place import Place

FAULTY = "faulty"


def record(place: Place, release: str) -> None:
    """Add a release that is about to serve."""
    with (place.home / "history").open("a") as file:
        file.write(f"{release}\n")


def mark_faulty(place: Place, release: str) -> None:
    """Note that a release must not be taken by a rollback that names none."""
    (place.release(release) / FAULTY).touch()


def mark_working(place: Place, release: str) -> None:
    """Note that a release has served without a fault, whatever was noted before."""
    (place.release(release) / FAULTY).unlink(missing_ok=True)


def is_faulty(place: Place, release: str) -> bool:
    """Whether a release was left because of a fault."""
    return (place.release(release) / FAULTY).exists()


def is_usable(place: Place, release: str) -> bool:
    """Whether a rollback may choose a release."""
    return place.is_complete(release) and not is_faulty(place, release)


def before(place: Place, serving: str | None) -> str:
    """Return the release to go back to.

    Raises:
        HostError: there is none.
    """
    try:
        served = (place.home / "history").read_text().split()
    except FileNotFoundError:
        served = []
    # What stands behind the current one was recorded by a deploy that ended before its switch.
    while served and served[-1] != serving:
        served.pop()
    for release in reversed(served):
        if release != serving and is_usable(place, release):
            return release
    raise HostError("There is no earlier release on the machine.")
