"""The processes of a project, as the files of a platform describe them."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

# The choices of `deploy` with a file for each platform, and words that no other project may hold.
WORDS = {
    "fly": ("fly deploy", "fly.io"),
    "render": ("render.yaml", "render.com"),
    "railway": ("railway",),
    "cloud-run": ("cloud run", "cloud-run", "gcloud"),
    "kubernetes": ("kubectl", "kustom"),
}


def files_of(platform: str, *, flower: bool) -> set[str]:
    """The files of a platform in a project."""
    names = {"api", "worker", "beat"} | ({"flower"} if flower else set())
    manifests = names | {"kustomization", "migrate", "pod"}
    return {
        "fly": {"fly.toml"},
        "render": {"render.yaml"},
        "railway": {f"railway/{name}.toml" for name in names},
        "cloud-run": {f"cloud-run/{name}.yaml" for name in names | {"migrate"}},
        "kubernetes": {
            *(f"kubernetes/base/{name}.yaml" for name in manifests),
            "kubernetes/production/kustomization.yaml",
        },
    }[platform]


@dataclass(frozen=True)
class Process:
    """A process as a platform describes it. None stands for what the image or platform has."""

    command: list[str] | None
    # Seconds between SIGTERM and SIGKILL.
    stop: int | None = None
    # What is asked to restart the process, and to send requests to it.
    restart: str | None = None
    ready: str | None = None
    # Settings that are no secrets.
    settings: Mapping[str, str] = field(default_factory=dict)


def described(project: Path, platform: str) -> dict[str, Process]:
    """The processes of a project by their names, with `migrate`."""
    readers = {"fly": _fly, "render": _render, "railway": _railway}
    if reader := readers.get(platform):
        return reader(project)
    folder = {"cloud-run": "cloud-run", "kubernetes": "kubernetes/base"}[platform]
    return dict(filter(None, map(_pod, sorted((project / folder).iterdir()))))


def of_compose(project: Path) -> dict[str, Process]:
    """The same of compose.yaml, where the API has the command of the Dockerfile."""
    (cmd,) = re.findall(r"^CMD (\[.*\])$", (project / "Dockerfile").read_text(), re.MULTILINE)
    services = documents(project / "compose.yaml")[0]["services"]
    return {
        name: Process(
            service.get("command", json.loads(cmd)),
            int(service.get("stop_grace_period", "10s").removesuffix("s")),
        )
        for name, service in services.items()
        if "build" in service
    }


def documents(file: Path) -> list[Any]:
    """The documents of a file of YAML."""
    return list(yaml.safe_load_all(file.read_text("utf-8")))


def _words(command: str | None) -> list[str] | None:
    return command.split() if command else None


def _fly(project: Path) -> dict[str, Process]:
    config = tomllib.loads((project / "fly.toml").read_text())
    (check,) = config["http_service"]["checks"]
    ready = dict.fromkeys(config["http_service"]["processes"], check["path"])
    found = {
        name: Process(_words(command), config["kill_timeout"], None, ready.get(name), config["env"])
        for name, command in config["processes"].items()
    }
    return found | {"migrate": Process(_words(config["deploy"]["release_command"]))}


def _render(project: Path) -> dict[str, Process]:
    (blueprint,) = documents(project / "render.yaml")
    (group,) = blueprint["envVarGroups"]
    found = {}
    for service in blueprint["services"]:
        variables = [each for each in [*group["envVars"], *service["envVars"]] if "key" in each]
        found[service["name"].removeprefix("demo-")] = Process(
            _words(service.get("dockerCommand")),
            service.get("maxShutdownDelaySeconds"),
            service.get("healthCheckPath"),
            None,
            {each["key"]: each["value"] for each in variables},
        )
        if migrate := service.get("preDeployCommand"):
            found["migrate"] = Process(_words(migrate))
    return found


def _railway(project: Path) -> dict[str, Process]:
    found = {}
    for file in (project / "railway").iterdir():
        deploy = tomllib.loads(file.read_text())["deploy"]
        found[file.stem] = Process(
            _words(deploy.get("startCommand")),
            deploy["drainingSeconds"],
            None,
            deploy.get("healthcheckPath"),
        )
        for migrate in deploy.get("preDeployCommand", []):
            found["migrate"] = Process(_words(migrate))
    return found


def _pod(file: Path) -> tuple[str, Process] | None:
    """A process of Cloud Run or Kubernetes, whose documents have the same form."""
    document = documents(file)[0]
    if file.stem in ("kustomization", "pod"):
        return None
    spec = document["spec"]["template"]["spec"]
    spec = spec.get("template", {}).get("spec", spec)  # a job of Cloud Run
    (container,) = spec["containers"]
    stop = spec.get("terminationGracePeriodSeconds")
    hook = container.get("lifecycle", {}).get("preStop", {}).get("exec")
    settings = {each["name"]: each.get("value") for each in container.get("env", [])}
    return file.stem, Process(
        container.get("command"),
        stop - int(hook["command"][-1]) if hook else stop,
        _asked(container.get("livenessProbe")),
        _asked(container.get("readinessProbe")),
        {name: value for name, value in settings.items() if value},
    )


def _asked(probe: dict[str, Any] | None) -> str | None:
    if probe is None:
        return None
    return str(probe["exec"]["command"][-1] if "exec" in probe else probe["httpGet"]["path"])
