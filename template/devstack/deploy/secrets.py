"""The settings of the machine: a file that only the user of the processes can read."""

import shlex
from pathlib import Path

from app.core.cli.errors import CliError
from app.core.settings.references import is_reference, resolve
from devstack.deploy.ssh import Host
from devstack.errors import DevStackError
from devstack.secrets import inventory


def write(host: Host, file: Path) -> int:
    """Write the settings of a file, with the secrets that references name; return their number.

    Raises:
        CliError: the file is not complete, a reference cannot be read, or the host refuses.
    """
    try:
        values = inventory.of_file(file)
    except DevStackError as error:
        raise CliError(str(error)) from None
    if wrong := inventory.problems(values):
        listed = "; ".join(f"{name}: {text}" for name, text in sorted(wrong.items()))
        raise CliError(f"{file} is not complete. {listed}")
    lines = (f"{name}={quoted(name, value.text or '')}\n" for name, value in values.items())
    data = "".join(lines).encode()
    path = shlex.quote(f"{host.settings.folder}/.env")
    # The new file is private from its beginning. It takes the place of the old one in one step, and
    # only if the connection has not ended before all of it was there.
    script = (
        f'umask 077 && cat > {path}.new && [ "$(wc -c < {path}.new)" -eq {len(data)} ] '
        f"&& chown {shlex.quote(host.settings.user)} {path}.new && mv {path}.new {path}"
    )
    if host.send(script, data):
        raise CliError("The settings could not be written: run `uv run app deploy setup` first.")
    return len(values)


def quoted(name: str, text: str) -> str:
    """Return a value as `.env` needs it.

    Raises:
        CliError: it is a reference that cannot be read.
    """
    try:
        value = resolve(text) if is_reference(text) else text
    except ValueError as error:
        raise CliError(f"{name}: {error}.") from None
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    # `${NAME}` would be replaced: the dollar becomes the default of a variable without a name.
    escaped = escaped.replace("${", "${:-$}{")
    return f"'{escaped}'"
