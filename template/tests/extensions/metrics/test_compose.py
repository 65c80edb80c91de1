"""Prometheus and Grafana in compose.yaml, which Docker is not needed to check."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.processes import PROJECT

MONITORING = PROJECT / "monitoring"


@pytest.fixture
def compose() -> Any:
    return yaml.safe_load((PROJECT / "compose.yaml").read_text())


def mounts(service: Any) -> dict[str, Path]:
    """Path in the container -> path in the project, without volumes that have names."""
    parts = [volume.split(":") for volume in service["volumes"]]
    return {target: PROJECT / source for source, target, *_ in parts if source.startswith(".")}


def inside(service: Any, path: str) -> Path:
    """The file of the project that a container has at a path."""
    for target, source in mounts(service).items():
        if path == target or path.startswith(f"{target}/"):
            return source / path.removeprefix(target).lstrip("/")
    raise AssertionError(path)


def test_both_start_with_the_profile_only(compose: Any) -> None:
    services = compose["services"]
    assert {name for name, each in services.items() if "profiles" in each} == {
        "prometheus",
        "grafana",
    }
    for name in ("prometheus", "grafana"):
        service = services[name]
        assert service["profiles"] == ["monitoring"]
        assert all(path.exists() for path in mounts(service).values())
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert {*service["secrets"]} <= {*compose["secrets"]}
        assert {*service["depends_on"]} <= {*services}
        named = [each.partition(":")[0] for each in service["volumes"] if each[0] != "."]
        assert {*named} <= {*compose["volumes"]}


def test_prometheus_finds_its_files_and_the_backend(compose: Any) -> None:
    service = compose["services"]["prometheus"]
    (argument,) = [each for each in service["command"] if "config.file" in each]
    config = yaml.safe_load(inside(service, argument.partition("=")[2]).read_text())
    assert inside(service, config["rule_files"][0]).is_file()
    (scrape,) = config["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": ["api:8000"]}]
    token = scrape["authorization"]["credentials_file"].removeprefix("/run/secrets/")
    assert compose["secrets"][token] == {"environment": "METRICS_TOKEN"}


def test_grafana_finds_the_data_source_and_the_dashboards(compose: Any) -> None:
    service = compose["services"]["grafana"]
    folder = inside(service, "/etc/grafana/provisioning")
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((folder / "dashboards/backend.yml").read_text())["providers"]
    found = inside(service, provider["options"]["path"])
    assert found == MONITORING / "dashboards"
    names = {path.stem for path in found.glob("*.json")}
    assert names == {"overview", "api", "tasks", "business"}
    password = service["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"]
    name = password.removeprefix("/run/secrets/")
    assert compose["secrets"][name] == {"environment": "GRAFANA_PASSWORD"}
