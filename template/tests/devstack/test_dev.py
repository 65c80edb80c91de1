"""`app dev` as a whole, on the real app: a first run and a first request, in an odd shell."""

import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from dotenv import dotenv_values

from app.core.features import load
from devstack import env, lock
from devstack.authority import certificate
from tests.devstack.processes import eventually, mentioning
from tests.support.hostile import OF_OTHERS

PROJECT = Path(__file__).absolute().parents[2]
SECONDS = 90

# It starts everything with an empty database, which takes as long as all other tests together.
pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project without `.env` and data."""
    for name in ("app", "devstack", "alembic.ini"):
        (tmp_path / name).symlink_to(PROJECT / name)
    return tmp_path


def shell(project: Path) -> dict[str, str]:
    """The variables of this process without settings, and much that is for other programs."""
    clean = {*env.SERVICES, *env.fresh_values(), "ENVIRONMENT"}
    kept = {name: value for name, value in os.environ.items() if name not in clean}
    return kept | OF_OTHERS | {"PYTHONPATH": str(project)}


@pytest.fixture(params=[(), ("--https",)], ids=["http", "https"])
def options(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Options of `app dev`."""
    given: tuple[str, ...] = request.param
    return given


@pytest.fixture
def dev(project: Path, options: tuple[str, ...]) -> Iterator[subprocess.Popen[bytes]]:
    with (project / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", "from app.cli import main; main()", "dev", *options],
            cwd=project,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=shell(project) | {"XDG_DATA_HOME": str(project / "data")},
        )
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()
    assert eventually(lambda: not mentioning(project))


def test_a_setup_prepares_the_database_and_stops(project: Path) -> None:
    """Twice: a second setup finds everything there."""
    code = "sys.exit(run(Path.cwd(), None, serve=False))"
    outputs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", f"from devstack.cli import Path, run, sys; {code}"],
            cwd=project,
            env=shell(project),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not mentioning(project)
        assert not (project / ".dev/env").exists()
        outputs.append(done.stdout)
    seeds = [feature.name for feature, _ in load("seeds")]
    assert [f"{name}: added" in outputs[0] for name in seeds] == [True] * len(seeds)
    assert "rows" not in outputs[1]


def check_https(address: str, project: Path) -> None:
    """Ask the API through TLS, by the authority of this user alone."""
    url = httpx.URL(address)
    assert (url.scheme, url.host) == ("https", "app.localhost")
    trusted = ssl.create_default_context(cafile=certificate(project / "data/app-dev"))
    headers, named = {"Host": url.netloc.decode()}, {"sni_hostname": url.host}
    here = url.copy_with(host="127.0.0.1")
    with httpx.Client(base_url=here, verify=trusted, trust_env=False, headers=headers) as client:
        # Neither a host that the API does not know, nor a promise for all of this machine.
        answer = client.get("/docs", extensions=named)
        assert (answer.status_code, "strict-transport-security" in answer.headers) == (200, False)


def test_first_run(dev: subprocess.Popen[bytes], project: Path, options: tuple[str, ...]) -> None:
    def shows(text: str) -> bool:
        return dev.poll() is not None or text in (project / "output").read_text()

    # The table of addresses, and the name of the worker.
    eventually(lambda: shows("│ API") and shows("celery@"), SECONDS)
    output = (project / "output").read_text()
    assert dev.poll() is None, output
    addresses = dict(re.findall(r"│ (API|Sign in, sign up) +│ (\S+)", output))
    settings = dotenv_values(project / ".env")

    with httpx.Client(trust_env=False, timeout=30) as client:
        api = addresses["API"]
        if options:
            check_https(api, project)
            api = lock.api_address(project)
        ready = client.get(f"{api}/health/ready")
        assert ready.status_code == 200, ready.text
        assert client.get(f"{api}/api/v1/users/me").status_code == 401
        session = client.post(
            f"{addresses['Sign in, sign up']}/auth/v1/token?grant_type=password",
            headers={"apikey": settings["SUPABASE_PUBLISHABLE_KEY"] or ""},
            json={
                "email": settings["FIRST_ADMIN_EMAIL"],
                "password": settings["FIRST_ADMIN_PASSWORD"],
            },
        ).json()
        bearer = {"Authorization": f"Bearer {session['access_token']}"}
        # In a second terminal, before and after which the admin is one.
        for command in ("db status", "token --quiet", "db reset --yes"):
            me = client.get(f"{api}/api/v1/users/me", headers=bearer)
            assert me.json()["role"] == "admin", me.text
            done = subprocess.run(
                [sys.executable, "-m", "app", *command.split()],
                cwd=project,
                env=shell(project),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        me = client.get(f"{api}/api/v1/users/me", headers=bearer)
    assert me.json()["role"] == "admin", me.text

    dev.send_signal(signal.SIGINT)
    assert dev.wait(SECONDS) == 0
    assert not mentioning(project)
    assert "Traceback" not in (project / "output").read_text()
