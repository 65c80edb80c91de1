"""The services that the stack starts itself: those without a URL in the settings."""

from collections.abc import Mapping
from pathlib import Path

from devstack.ports import HOST, listen_near, port_of
from devstack.postgres import Postgres
from devstack.server import Server
from devstack.stack import Process, Stack
from devstack.valkey import Valkey

# Preferred ports, those of Supabase's own local stack and of Redis.
POSTGRES_PORT = 54322
VALKEY_PORT = 6379
SUPABASE_PORT = 54321

# What the local Supabase reads of the environment.
SUPABASE_VALUES = (
    "SUPABASE_PUBLISHABLE_KEY",
    "SUPABASE_SECRET_KEY",
    "API_PREFIX",
    "USER_HOOK_SECRETS",
    "DEV_CONFIRM_EMAILS",
    "DEV_MAILS_URL",
    "DEV_SEND_EMAIL_HOOK",
    "DEV_STORAGE_LIMIT",
)


def databases(root: Path, env: Mapping[str, str]) -> dict[str, Server]:
    """Return the embedded databases that are needed, by the setting for their URL."""
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


def supabase_process(stack: Stack) -> Process | None:
    """Return the process of the local Supabase, or None if SUPABASE_URL is set."""
    env = stack.env
    if "SUPABASE_URL" in env:
        return None
    listening = listen_near(SUPABASE_PORT)
    state = stack.data / "supabase.json"
    options = ["--fd", str(listening.fileno()), "--state", str(state)]
    options += ["--api-url", stack.api_url, "--site-url", stack.site_url]
    return Process(
        name="supabase",
        command=[stack.python, "-m", "devstack.supabase", *options],
        order=0,
        sockets=(listening,),
        # Not on the command line, which every user of the machine can read.
        env={name: env[name] for name in SUPABASE_VALUES if name in env},
        addresses={"Sign in, sign up": f"http://{HOST}:{port_of(listening)}"},
        sign_ins={
            label: (env.get(f"{name}_EMAIL", ""), env.get(f"{name}_PASSWORD", ""))
            for label, name in (("Admin", "FIRST_ADMIN"), ("Demo user", "DEMO_USER"))
        },
    )
