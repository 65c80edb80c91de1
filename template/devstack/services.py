"""Which services the stack starts itself: those whose address is not set from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.ports import HOST, listen_near, port_of
from devstack.postgres import Postgres
from devstack.server import Server
from devstack.stack import Process, Stack
from devstack.valkey import Valkey

# Those of Supabase's own local stack, and Redis's; taken ones are replaced.
POSTGRES_PORT = 54322
VALKEY_PORT = 6379
SUPABASE_PORT = 54321

SUPABASE_KEYS = ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY")


def databases(root: Path, env: Mapping[str, str]) -> dict[str, Server]:
    """Choose the embedded databases; by the name of the setting that holds their address."""
    data = root / ".dev"
    servers: dict[str, Server] = {}
    if "DATABASE_URL" not in env:
        programs = env.get("DEV_POSTGRES_BIN")
        servers["DATABASE_URL"] = Postgres(
            data / "postgres",
            POSTGRES_PORT,
            fsync=True,
            bin_dir=Path(programs) if programs else None,
        )
    if "REDIS_URL" not in env:
        program = env.get("DEV_REDIS_BIN")
        servers["REDIS_URL"] = Valkey(
            data / "valkey", VALKEY_PORT, program=Path(program) if program else None
        )
    return servers


@dataclass(frozen=True)
class LocalSupabaseProcess:
    """The local Supabase as a process of the stack, and where it listens already."""

    process: Process

    @property
    def port(self) -> int:
        """Its port."""
        return port_of(self.process.sockets[0])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"


def supabase_process(stack: Stack) -> LocalSupabaseProcess | None:
    """Say how to run the local Supabase, or None where SUPABASE_URL names another one."""
    env = stack.env
    if "SUPABASE_URL" in env:
        return None
    listening = listen_near(SUPABASE_PORT)
    state = stack.data / "supabase.json"
    options = ["--fd", str(listening.fileno()), "--state", str(state), "--api-url", stack.api_url]
    return LocalSupabaseProcess(
        Process(
            name="supabase",
            command=[stack.python, "-m", "devstack.supabase", *options],
            order=0,
            sockets=(listening,),
            # Not on the command line, where every user of the machine reads them.
            env={name: env[name] for name in SUPABASE_KEYS if name in env},
        )
    )
