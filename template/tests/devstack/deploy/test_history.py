"""Which releases stay on a machine, and which one a rollback chooses."""

from pathlib import Path

import pytest

from devstack.deploy.host import history, phases, units
from devstack.deploy.host.place import Place, replace_link


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A machine with five releases, the last of which serves."""
    place = Place("app", str(tmp_path), "app", "api.example.com", "/", True, 2, 60, 10)
    for release in "12345":
        place.release(release).mkdir(parents=True)
        (place.release(release) / "release.env").touch()
    for release in "15":
        history.record(place, release)
    replace_link(place.current, "releases/5")
    monkeypatch.setattr(units, "running", lambda _: {"5"})
    return place


def test_releases_that_do_not_work_do_not_displace_the_one_before(place: Place) -> None:
    for release in "234":
        history.mark_faulty(place, release)
    phases.clean(place, "5")
    assert place.releases() == ["1", "5"]
    assert history.before(place, "5") == "1"


def test_what_has_worked_again_may_be_chosen(place: Place) -> None:
    history.mark_faulty(place, "1")
    history.mark_working(place, "1")
    assert history.before(place, "5") == "1"
