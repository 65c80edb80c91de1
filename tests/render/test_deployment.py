"""Every way to deploy stops a process after the same time, and probes it in the same way."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import Render
from support.snapshot import ROOT

# Seconds in which uvicorn finishes requests, and after which a manager of processes kills it.
DRAIN, STOP = 25, 30
# The same for a worker: its longest task, and some seconds more.
TASK, WORKER_STOP = 600, 610


@pytest.fixture
def everything(render: Render) -> Path:
    return render(preset="everything")


def services(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((project / "compose.yaml").read_text())["services"]
    return found


def page() -> str:
    return (ROOT / "docs/deploy.md").read_text("utf-8")


def units() -> dict[str, str]:
    """The units of systemd and the programs of supervisor, by their names."""
    blocks = re.findall(r"^```ini\n(.*?)^```$", page(), re.MULTILINE | re.DOTALL)
    found = {}
    for block in blocks:
        for part in re.split(r"^(?=# /etc/systemd|\[program:)", block, flags=re.MULTILINE):
            if name := re.search(r"app-(\w+)(?:\.service|\])", part):
                kind = "systemd" if "[Service]" in part else "supervisor"
                found[f"{kind} {name[1]}"] = part
    return found


def test_requests_have_the_same_time_to_end(everything: Path) -> None:
    option = f"--timeout-graceful-shutdown {DRAIN}"
    assert option in (everything / "Procfile").read_text()
    assert option.replace(" ", '", "') in (everything / "Dockerfile").read_text()
    assert option in units()["systemd api"]
    assert option in units()["supervisor api"]


def test_an_api_is_killed_after_the_same_time(everything: Path) -> None:
    assert services(everything)["api"]["stop_grace_period"] == f"{STOP}s"
    assert f"TimeoutStopSec={STOP}\n" in units()["systemd api"]
    assert f"stopwaitsecs={STOP}\n" in units()["supervisor api"]
    assert STOP > DRAIN


def test_a_worker_is_killed_after_its_longest_task(everything: Path) -> None:
    settings = (everything / "app/core/settings/core.py").read_text()
    assert f"celery_time_limit: int = Field(default={TASK}," in settings
    assert services(everything)["worker"]["stop_grace_period"] == f"{WORKER_STOP}s"
    assert f"TimeoutStopSec={WORKER_STOP}\n" in units()["systemd worker"]
    assert f"stopwaitsecs={WORKER_STOP}\n" in units()["supervisor worker"]
    assert WORKER_STOP > TASK


@pytest.mark.parametrize("preset", ["minimal", "everything"])
def test_a_procfile_has_the_commands_of_compose(preset: str, render: Render) -> None:
    """Its beat writes where every platform lets it, with the image and without."""
    project = render(preset=preset)
    lines = (project / "Procfile").read_text("utf-8").splitlines()
    processes = {name: words.split() for name, words in (line.split(": ") for line in lines)}
    found = services(project)
    beat = [re.sub("^/.*", "/tmp/schedule", word) for word in found["beat"]["command"]]  # noqa: S108
    assert processes["beat"] == beat
    assert processes["worker"] == found["worker"]["command"]
    assert processes["release"] == found["migrate"]["command"]


def test_every_container_of_the_app_has_a_read_only_root_and_no_rights(everything: Path) -> None:
    of_app = [each for each in services(everything).values() if "build" in each]
    assert len(of_app) == 5  # api, worker, beat, flower, migrate
    for service in of_app:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_process_is_probed(everything: Path) -> None:
    found = services(everything)
    assert "/health/live" in (everything / "Dockerfile").read_text()
    assert "healthcheck" not in found["api"]  # that of the image
    alive = found["worker"]["healthcheck"]["test"]
    assert alive == found["beat"]["healthcheck"]["test"]
    command = alive[1].replace("|", "\\|")
    assert command in page()


def test_the_image_is_described_and_scanned(everything: Path) -> None:
    steps = yaml.safe_load((everything / ".github/workflows/ci.yml").read_text())["jobs"]["image"]
    commands = "\n".join(step.get("run", "") for step in steps["steps"])
    for word in ("--sbom=true", "--provenance=mode=max", "--fail-on high", "--read-only"):
        assert word in commands
