"""The processes are the same on every platform, in the image and in compose.yaml."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from support.platforms import WORDS, Process, described, documents, of_compose
from support.rendering import Render

# The seconds of the longest task by default, and those that a worker has in addition.
TASK, SPARE = 600, 10
LIVE, READY = "/health/live", "/health/ready"
ALIVE = "find /tmp/alive -mmin -1 | grep -q ."

# Each platform without and with RedBeat and Flower.
CASES = [(platform, preset) for platform in WORDS for preset in ("minimal", "everything")]


@pytest.fixture(params=CASES, ids=" ".join)
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param[0])


@pytest.fixture
def project(request: pytest.FixtureRequest, platform: str, render_platform: Render) -> Path:
    preset = request.node.callspec.params["platform"][1]
    return render_platform(preset=preset, deploy=platform)


@pytest.fixture
def found(project: Path, platform: str) -> dict[str, Process]:
    return described(project, platform)


def test_commands_are_those_of_the_image_and_of_compose(
    project: Path, platform: str, found: dict[str, Process]
) -> None:
    expected = of_compose(project)
    assert found.keys() == expected.keys()
    for name, process in found.items():
        command = process.command or expected["api"].command
        assert command
        if platform == "fly" and name == "flower":  # the private network of Fly is IPv6
            command = ["0.0.0.0" if word == "::" else word for word in command]  # noqa: S104
        assert command == expected[name].command, name


def test_running_requests_and_tasks_can_end(
    project: Path, platform: str, found: dict[str, Process]
) -> None:
    """Cloud Run kills after ten seconds, so its worker returns its tasks to the queue instead.

    The facts: kill_timeout of Fly is 300 at most, for all processes of an app
    (fly.io/docs/reference/configuration), and so is maxShutdownDelaySeconds of Render (its API).
    """
    compose = of_compose(project)
    assert compose["worker"].stop == TASK + SPARE
    if platform == "cloud-run":
        assert found["worker"].settings["REMAP_SIGTERM"] == "SIGQUIT"
        assert {each.stop for each in found.values()} == {None}
        return
    limit = int(found["worker"].settings.get("CELERY_TIME_LIMIT", TASK))
    assert found["worker"].stop == limit + SPARE
    # The limit also says when a task is delivered again, so all processes must have the same.
    running = [process for name, process in found.items() if name != "migrate"]
    assert len({each.settings.get("CELERY_TIME_LIMIT") for each in running}) == 1
    longest = {"fly": 300, "render": 300}.get(platform, compose["worker"].stop)
    assert found["worker"].stop <= longest
    assert found["api"].stop == (longest if platform == "fly" else compose["api"].stop)


def test_probes(platform: str, found: dict[str, Process]) -> None:
    """What restarts an API does not ask for the database: it would restart all of them at once.

    Fly's checks decide about requests only, Render restarts after a minute without an answer, and
    Railway asks before a release gets requests. None of them runs a command in a container, and
    Cloud Run does neither.
    """
    restart = None if platform in ("fly", "railway") else LIVE
    ready = None if platform == "render" else READY
    assert (found["api"].restart, found["api"].ready) == (restart, ready)
    probes = {found[name].restart for name in ("worker", "beat")}
    assert probes == {ALIVE if platform == "kubernetes" else None}


def test_compose_has_the_same_probe(render_platform: Render) -> None:
    services = documents(render_platform(preset="everything") / "compose.yaml")[0]["services"]
    assert services["worker"]["healthcheck"]["test"][1] == ALIVE


def test_one_beat_runs(project: Path, platform: str) -> None:
    """Of a platform that starts a release before it stops the last one, if it cannot wait in Redis.

    Render does so unless the service has a disk, and refuses maxShutdownDelaySeconds with one.
    A release of Railway overlaps for no second by default. Fly stops each machine first.
    """
    redbeat = "--schedule" not in (described(project, platform)["beat"].command or [])
    if platform == "fly":
        assert tomllib.loads((project / "fly.toml").read_text())["deploy"]["strategy"] == "rolling"
    elif platform == "render":
        services = documents(project / "render.yaml")[0]["services"]
        (beat,) = (each for each in services if each["name"].endswith("-beat"))
        assert beat["numInstances"] == 1
        assert ("disk" in beat) == (not redbeat)
        assert "maxShutdownDelaySeconds" not in beat
    elif platform == "railway":
        deploy = tomllib.loads((project / "railway/beat.toml").read_text())["deploy"]
        assert deploy["overlapSeconds"] == 0
    elif platform == "cloud-run":
        annotations = documents(project / "cloud-run/beat.yaml")[0]["metadata"]["annotations"]
        assert annotations["run.googleapis.com/manualInstanceCount"] == "1"
    else:
        spec = documents(project / "kubernetes/base/beat.yaml")[0]["spec"]
        assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_settings_are_valid_and_no_secrets(project: Path, found: dict[str, Process]) -> None:
    example = (project / ".env.example").read_text()
    known = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))
    own = {"FORWARDED_ALLOW_IPS", "PORT", "REMAP_SIGTERM"}  # of uvicorn, Render and Celery
    settings = {name for process in found.values() for name in process.settings}
    assert settings <= known | own
    assert settings & required_settings(example) <= {"ENVIRONMENT"}


def required_settings(example: str) -> set[str]:
    """What .env.example marks: each setting up to the next empty line."""
    paragraphs = re.findall(r"^# \[production\].*?(?=^$)", example, re.MULTILINE | re.DOTALL)
    return {
        name for text in paragraphs for name in re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)
    }


@pytest.mark.parametrize("preset", ["minimal", "everything"])
def test_cloud_run_names_every_required_setting(preset: str, render_platform: Render) -> None:
    """Its containers get each secret by its name."""
    project = render_platform(preset=preset, deploy="cloud-run")
    required = required_settings((project / ".env.example").read_text()) - {"ENVIRONMENT"}
    required |= {"FLOWER_PASSWORD"} if preset == "everything" else set()
    for file in (project / "cloud-run").iterdir():
        assert secrets(documents(file)) == {name: f"demo-{name}" for name in required}, file.name


def secrets(value: Any) -> dict[str, str]:
    """The variables with references to secrets, anywhere in a document."""
    if isinstance(value, list):
        return {name: key for each in value for name, key in secrets(each).items()}
    if not isinstance(value, dict):
        return {}
    if "valueFrom" in value:
        return {value["name"]: value["valueFrom"]["secretKeyRef"]["name"]}
    return secrets(list(value.values()))
