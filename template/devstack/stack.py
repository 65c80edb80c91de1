"""What runs besides the databases: one file per process in `devstack/processes/`.

Each module there has a function `process(stack)` that says how to run one process, and, where that
needs values of its own in `.env`, `fresh_values()` that makes some up. What another process serves
has `addresses(stack)` instead. A file that is there is run; nothing else has to know about it.
"""

import importlib
import pkgutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from devstack.ports import HOST, port_of

PROCESSES = "devstack.processes"


@dataclass(frozen=True)
class Process:
    """How to run one process of the stack."""

    name: str
    command: list[str]
    # Started in this order, stopped in the opposite one.
    order: int
    # Restarted when a Python file below one of these folders changes.
    watch: tuple[str, ...] = ()
    # Open sockets the process inherits; the runner closes them at the end.
    sockets: tuple[socket.socket, ...] = ()
    # Set in its environment in addition.
    env: Mapping[str, str] = field(default_factory=dict)
    # What to show a person once everything runs: label -> address.
    addresses: Mapping[str, str] = field(default_factory=dict)
    # And how to sign in there: label -> name and password.
    sign_ins: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Stack:
    """What a process may need to know about the whole."""

    root: Path
    # What `.env` and the environment say.
    env: Mapping[str, str]
    # The API listens already, so that its port is certain and no request is refused in a restart.
    api_socket: socket.socket
    python: str = sys.executable

    @property
    def data(self) -> Path:
        """Where the stack keeps its files."""
        return self.root / ".dev"

    @property
    def api_url(self) -> str:
        """Address of the API."""
        return f"http://{HOST}:{port_of(self.api_socket)}"


def modules(package: str) -> list[ModuleType]:
    """Import every module of `package`."""
    folder = importlib.import_module(package)
    return [
        importlib.import_module(f"{package}.{found.name}")
        for found in pkgutil.iter_modules(folder.__path__)
    ]


def processes(stack: Stack, package: str = PROCESSES) -> list[Process]:
    """Find every process of `package`; return them in the order to start them."""
    found = [m.process(stack) for m in modules(package) if hasattr(m, "process")]
    return sorted(found, key=lambda each: each.order)


def other_addresses(stack: Stack, package: str = PROCESSES) -> dict[str, str]:
    """What to show besides the addresses of the processes: label -> address."""
    found = (m.addresses(stack) for m in modules(package) if hasattr(m, "addresses"))
    return {label: address for each in found for label, address in each.items()}


def fresh_values(package: str = PROCESSES) -> dict[str, str]:
    """Make up what the processes of `package` need in `.env`."""
    values: dict[str, str] = {}
    for module in modules(package):
        if hasattr(module, "fresh_values"):
            values |= module.fresh_values()
    return values
