"""The processes that run besides the databases: one module per process in `devstack/processes/`.

A module has a function `process(stack)`, which returns how to run the process, or None if the
settings make it unnecessary. If the process needs values in `.env`, `fresh_values()` generates
them; what it needs on the disk, `setup(root)` installs for `app setup`. A module for a page of
another process has `addresses(stack)` instead. Modules are found by their place; they are
registered nowhere.
"""

import importlib
import pkgutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Protocol

from devstack.ports import HOST, port_of

PROCESSES = "devstack.processes"


@dataclass(frozen=True)
class Process:
    """How to run one process of the stack."""

    name: str
    command: list[str]
    # Started in this order, stopped in the opposite one.
    order: int
    # Restarted when a Python file in `app/` changes.
    reload: bool = False
    # Started again if a signal kills it. The others need each other, so all end together.
    restart: bool = False
    # Open sockets that the process inherits; the runner closes them at the end.
    sockets: tuple[socket.socket, ...] = ()
    # Additional environment variables.
    env: Mapping[str, str] = field(default_factory=dict)
    # Environment variables of every process. Unlike `settings`, commands in other terminals do not
    # see them.
    shared_env: Mapping[str, str] = field(default_factory=dict)
    # Settings of the app that this process provides while it runs, such as its own address.
    settings: Mapping[str, str] = field(default_factory=dict)
    # Addresses to show when everything runs: label -> address.
    addresses: Mapping[str, str] = field(default_factory=dict)
    # Credentials to show: label -> name and password.
    sign_ins: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Front(Protocol):
    """What browsers reach in the place of a process, see `devstack.https`."""

    def address(self, port: int) -> str:
        """Return the address of what listens on `port`."""

    def process(self, stack: "Stack") -> Process:
        """Return how to run it; all addresses have to be known by now."""


@dataclass(frozen=True)
class Stack:
    """Values that the processes need."""

    root: Path
    # Values of `.env` and the environment.
    env: Mapping[str, str]
    # Opened before the API starts, so that its port is known and requests wait during a restart.
    api_socket: socket.socket
    python: str = sys.executable
    # With `app dev --https`.
    front: Front | None = None

    @property
    def data(self) -> Path:
        """Folder for the data of the stack."""
        return self.root / ".dev"

    @property
    def api_url(self) -> str:
        """URL of the API, for the other processes."""
        return f"http://{HOST}:{port_of(self.api_socket)}"

    @property
    def site_url(self) -> str:
        """URL of the API, for people."""
        return self.public_url(port_of(self.api_socket))

    def public_url(self, port: int) -> str:
        """Return the URL at which browsers reach what listens on `port`."""
        return self.front.address(port) if self.front else f"http://{HOST}:{port}"


def modules(package: str) -> list[ModuleType]:
    """Import every module of `package`."""
    folder = importlib.import_module(package)
    return [
        importlib.import_module(f"{package}.{found.name}")
        for found in pkgutil.iter_modules(folder.__path__)
    ]


def processes(stack: Stack, package: str = PROCESSES) -> list[Process]:
    """Return every process of `package`, in the order to start them."""
    found = [m.process(stack) for m in modules(package) if hasattr(m, "process")]
    return sorted(filter(None, found), key=lambda each: each.order)


def other_addresses(stack: Stack, package: str = PROCESSES) -> dict[str, str]:
    """Return more addresses to show, besides those of the processes: label -> address."""
    found = (m.addresses(stack) for m in modules(package) if hasattr(m, "addresses"))
    return {label: address for each in found for label, address in each.items()}


def fresh_values(package: str = PROCESSES) -> dict[str, str]:
    """Generate the values that the processes of `package` need in `.env`."""
    values: dict[str, str] = {}
    for module in modules(package):
        if hasattr(module, "fresh_values"):
            values |= module.fresh_values()
    return values
