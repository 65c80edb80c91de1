"""`app dev --https`: Caddy in front of a program, and the authority that signs its certificates."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.core.http.streams import Stream
from devstack import authority
from devstack.errors import DevStackError
from devstack.https import Https, host_name
from devstack.ports import HOST, listen, port_of
from devstack.stack import Stack
from tests.support.processes import eventually

NAME = "teas-and-more.localhost"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the authority, which belongs to nobody else."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / ".dev").mkdir()
    return tmp_path / "data/app-dev/pki/authorities/local"


@contextmanager
def caddy(root: Path, behind: socket.socket, **env: str) -> Iterator[int]:
    """Run Caddy as the stack does, and return the port of its address."""
    with listen(0) as opened:
        https = Https(NAME, {port_of(behind): opened})
        stack = Stack(root, env, behind, front=https)
        assert stack.site_url == f"https://{NAME}:{port_of(opened)}"
        process = https.process(stack)
        running = subprocess.Popen(process.command, pass_fds=[opened.fileno()])
        try:
            yield port_of(opened)
        finally:
            running.terminate()
            running.wait(20)


async def trusted(port: int, certificate: Path) -> ssl.SSLContext:
    """Wait until Caddy answers; what trusts its authority alone."""
    found: list[ssl.SSLContext] = []

    async def answers() -> bool:
        try:
            context = ssl.create_default_context(cafile=certificate)
            _, writer = await asyncio.open_connection(HOST, port, ssl=context, server_hostname=NAME)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        found.append(context)
        return True

    await eventually(answers)
    return found[0]


async def root_after_a_start(root: Path, certificate: Path) -> bytes:
    """Start Caddy and speak with it; the authority that it uses then."""
    with listen(0) as behind, caddy(root, behind) as port:
        await trusted(port, certificate)
    return certificate.read_bytes()


async def told(request: Request) -> JSONResponse:
    return JSONResponse({"url": str(request.url), "body": (await request.body()).decode()})


async def echo(websocket: WebSocket) -> None:
    await websocket.accept("teas")
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


@asynccontextmanager
async def program(listening: socket.socket, goes_on: asyncio.Event) -> AsyncIterator[None]:
    """A program behind Caddy, whose stream waits after its first event."""

    async def events() -> AsyncIterator[str]:
        yield "data: first\n\n"
        await goes_on.wait()
        yield "data: second\n\n"

    async def stream(_: Request) -> Stream:
        return Stream(events(), media_type="text/event-stream")

    routes = [
        Route("/told", told, methods=["POST"]),
        Route("/stream", stream),
        WebSocketRoute("/", echo),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listening.dup()]))
    try:
        yield
    finally:
        server.should_exit = True
        await running


async def test_requests_streams_and_web_sockets_pass(tmp_path: Path, data: Path) -> None:
    goes_on = asyncio.Event()
    with listen(0) as behind, caddy(tmp_path, behind) as port:
        async with program(behind, goes_on):
            context = await trusted(port, data / "root.crt")
            named = {"sni_hostname": NAME}
            host = {"Host": f"{NAME}:{port}"}
            async with httpx.AsyncClient(
                base_url=f"https://{HOST}:{port}", verify=context, headers=host, trust_env=False
            ) as client:
                answer = await client.post("/told", content="tea", extensions=named)
                # The program knows the address that the browser has asked.
                assert answer.json() == {"url": f"https://{NAME}:{port}/told", "body": "tea"}
                async with client.stream("GET", "/stream", extensions=named) as stream:
                    lines = stream.aiter_lines()
                    assert await anext(lines) == "data: first"
                    goes_on.set()
                    assert [line async for line in lines if line] == ["data: second"]
                other = await client.post(
                    "/told", headers={"Host": "evil.example"}, extensions=named
                )
                assert not other.content
            address = f"wss://{NAME}:{port}/"
            async with connect(
                address, host=HOST, ssl=context, subprotocols=[Subprotocol("teas")], proxy=None
            ) as page:
                await page.send("tea")
                assert (page.subprotocol, await page.recv()) == ("teas", "tea")


async def test_one_authority_serves_all_starts_and_only_its_owner_reads_it(
    tmp_path: Path, data: Path
) -> None:
    certificate = data / "root.crt"
    first = await root_after_a_start(tmp_path, certificate)
    assert await root_after_a_start(tmp_path, certificate) == first
    modes = {oct(path.stat().st_mode & 0o777) for path in data.iterdir()}
    assert (modes, oct(data.parents[2].stat().st_mode & 0o777)) == ({"0o600"}, "0o700")


@pytest.mark.parametrize("name", ["root.crt", "root.key", "intermediate.crt", "expired"])
async def test_broken_and_expired_files_are_made_anew(
    tmp_path: Path, data: Path, name: str
) -> None:
    certificate = data / "root.crt"
    before = await root_after_a_start(tmp_path, certificate)
    if name == "expired":
        certificate.write_bytes(expired(data))
    else:
        (data / name).write_text("broken")
    after = await root_after_a_start(tmp_path, certificate)
    # What people trust stays if it can.
    assert (after == before) is (name == "intermediate.crt")
    assert x509.load_pem_x509_certificate(after).not_valid_after_utc > datetime.now(UTC)


def expired(folder: Path) -> bytes:
    """The certificate of an authority with the same key, which ended a moment ago."""
    now = datetime.now(UTC)
    old = x509.load_pem_x509_certificate((folder / "root.crt").read_bytes())
    key = load_pem_private_key((folder / "root.key").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateBuilder(issuer_name=old.subject, subject_name=old.subject)
        .public_key(key.public_key())
        .serial_number(old.serial_number)
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now - timedelta(seconds=1))
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_the_app_knows_the_host_and_keeps_its_cookies_for_tls(tmp_path: Path) -> None:
    with listen(0) as behind, listen(0) as opened:
        https = Https(NAME, {port_of(behind): opened})
        stack = Stack(tmp_path, {"ALLOWED_HOSTS": "a.test"}, behind, front=https)
        settings = https.process(stack).settings
        assert settings == {"ALLOWED_HOSTS": f"a.test,{NAME}", "SECURE_COOKIES": "true"}


def test_a_folder_that_cannot_be_used_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(DevStackError, match="XDG_DATA_HOME"):
        authority.prepare(NAME)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ('[project]\nname = "Teas_and.more"', NAME),
        ('[project]\nname = "-"', "app.localhost"),
        ("[tool]", "app.localhost"),
        (None, "app.localhost"),
    ],
)
def test_the_host_has_the_name_of_the_project(tmp_path: Path, text: str | None, host: str) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    assert host_name(tmp_path) == host
