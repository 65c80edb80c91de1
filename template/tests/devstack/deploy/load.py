"""Clients that ask all the time, and count what fails."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.devstack.deploy.machine import Machine


@dataclass
class Load:
    """What the clients have seen."""

    releases: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    longest: float = 0.0
    pause: float = 0.3  # seconds between two tasks
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self, host: Machine, path: str) -> None:
        """One client, with one connection to Caddy."""
        with httpx.Client(base_url=host.url, verify=host.trust(), timeout=15) as client:
            number = 0
            while not self.stop.is_set():
                number += 1
                name = f"{threading.get_ident()}-{number}"
                started = time.monotonic()
                try:
                    answer = client.post(path.format(name=name))
                    if answer.status_code != httpx.codes.OK:
                        self.failures.append(f"{path} {answer.status_code} {answer.text[:200]}")
                        continue
                except httpx.HTTPError as error:
                    self.failures.append(f"{path} {error!r}")
                    continue
                if "{name}" in path:
                    self.tasks.append(name)
                if path != "/slow":
                    self.longest = max(self.longest, time.monotonic() - started)
                self.releases.append(answer.json()["release"])
                # The worker can run several tasks in this time.
                self.stop.wait(self.pause if "{name}" in path else 0.03)


@contextmanager
def load(host: Machine, *paths: str, pause: float = 0.3) -> Iterator[Load]:
    """Ask each path all the time, with a pause between two tasks."""
    found = Load(pause=pause)
    threads = [threading.Thread(target=found.ask, args=(host, path)) for path in paths]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        found.stop.set()
        for thread in threads:
            thread.join()
