"""What runs on the machine."""

from devstack.deploy.host import health, history, units
from devstack.deploy.host.lock import holder
from devstack.deploy.host.output import say
from devstack.deploy.host.place import Place


def status(place: Place) -> None:
    """Print the releases, newest first, and the processes of each."""
    if text := holder(place):
        say(f"Now: {text}")
    serving, running = place.serving(), units.running(place)
    for release in reversed(place.releases()):
        states = {
            "serves": release == serving,
            "faulty": history.is_faulty(place, release),
            "not complete": not place.is_complete(release),
        }
        marks = ", ".join(name for name, is_true in states.items() if is_true)
        say(f"{release}  {marks}".rstrip())
        if release in running:
            for kind in units.kinds():
                say(f"  {kind:<8} {units.state(place, kind, release)}")
    if serving is None:
        say("No release serves.")
    else:
        found = health.problem(place, serving)
        say(f"The API of the current release: {found or 'ready'}.")
