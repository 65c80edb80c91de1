"""Prometheus and Grafana in compose.yaml, which Docker is not needed to check."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import Render


@pytest.fixture
def project(render: Render) -> Path:
    return render(preset="everything")


@pytest.fixture
def compose(project: Path) -> Any:
    return yaml.safe_load((project / "compose.yaml").read_text("utf-8"))


def mounts(project: Path, service: Any) -> dict[str, Path]:
    """Path in the container -> path in the project, without volumes that have names."""
    parts = [volume.split(":") for volume in service["volumes"]]
    return {target: project / source for source, target, *_ in parts if source.startswith(".")}


def inside(project: Path, service: Any, path: str) -> Path:
    """The file of the project that a container has at a path."""
    for target, source in mounts(project, service).items():
        if path == target or path.startswith(f"{target}/"):
            return source / path.removeprefix(target).lstrip("/")
    raise AssertionError(path)


def test_both_start_with_the_profile_only(project: Path, compose: Any) -> None:
    services = compose["services"]
    assert {name for name, each in services.items() if "profiles" in each} == {
        "prometheus",
        "grafana",
    }
    for name in ("prometheus", "grafana"):
        service = services[name]
        assert service["profiles"] == ["monitoring"]
        assert all(path.exists() for path in mounts(project, service).values())
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert {*service["secrets"]} <= {*compose["secrets"]}
        assert {*service["depends_on"]} <= {*services}
        named = [each.partition(":")[0] for each in service["volumes"] if each[0] != "."]
        assert {*named} <= {*compose["volumes"]}


def test_prometheus_finds_its_files_and_the_backend(project: Path, compose: Any) -> None:
    service = compose["services"]["prometheus"]
    (argument,) = [each for each in service["command"] if "config.file" in each]
    config = yaml.safe_load(inside(project, service, argument.partition("=")[2]).read_text("utf-8"))
    assert inside(project, service, config["rule_files"][0]).is_file()
    (scrape,) = config["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": ["api:8000"]}]
    token = scrape["authorization"]["credentials_file"].removeprefix("/run/secrets/")
    assert compose["secrets"][token] == {"environment": "METRICS_TOKEN"}


def test_grafana_finds_the_data_source_and_the_dashboards(project: Path, compose: Any) -> None:
    service = compose["services"]["grafana"]
    folder = inside(project, service, "/etc/grafana/provisioning")
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text("utf-8"))[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((folder / "dashboards/backend.yml").read_text("utf-8"))[
        "providers"
    ]
    found = inside(project, service, provider["options"]["path"])
    assert found == project / "monitoring/dashboards"
    names = {path.stem for path in found.glob("*.json")}
    assert names == {"overview", "api", "tasks", "business"}
    password = service["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"]
    name = password.removeprefix("/run/secrets/")
    assert compose["secrets"][name] == {"environment": "GRAFANA_PASSWORD"}
