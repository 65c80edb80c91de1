"""The sandbox: runs `extract` on an uploaded file in a separate process, within limits."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from app.core.logging import get_logger
from app.core.tasks import TaskError, progress
from app.extensions.documents.chunking import Section
from app.extensions.documents.settings import DocumentSettings

PROGRAM = "app.extensions.documents.extract"
POLL_SECONDS = 0.5  # between two checks whether the task was cancelled
LIMIT_EXCEEDED = "The file takes too much memory or time to read."
UNREADABLE = "The file is broken and cannot be read."
MAX_OUTPUT = 64 << 20  # bytes

log = get_logger(__name__)

# The child sets its limits before it loads the program. macOS does not enforce `RLIMIT_AS`.
_LIMITED = """
import resource, runpy, sys
module, seconds, megabytes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
sys.argv[1:5] = []
runpy.run_module(module, run_name="__main__")
"""


async def extract_sections(
    path: Path, media_type: str, settings: DocumentSettings
) -> list[Section]:
    """Return the sections of a file.

    Raises:
        TaskError: the file cannot be read; the message says why.
        CancelledError: the task was asked to stop.
    """
    target = path.with_name(f"{path.name}.sections")
    error_file = path.with_name(f"{path.name}.errors")
    limits = (str(settings.read_seconds), str(settings.read_megabytes), str(MAX_OUTPUT))
    with error_file.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _LIMITED, PROGRAM, *limits, str(path), media_type, str(target)),
            # The environment of the child contains no secrets.
            env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        # The limit in the child counts CPU time only, not the time in which it waits for the disk.
        async with asyncio.timeout(settings.read_seconds * 4):
            while (code := await _poll(process)) is None:
                progress(0, 100)
    except TimeoutError:
        raise TaskError(LIMIT_EXCEEDED) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        output = error_file.read_text(errors="replace").strip()[-500:]
        log.warning("document_unreadable", code=code, said=output)
        raise TaskError(UNREADABLE if code in (1, -signal.SIGSEGV) else LIMIT_EXCEEDED)
    return _parse(target)


async def _poll(process: asyncio.subprocess.Process) -> int | None:
    try:
        return await asyncio.wait_for(process.wait(), POLL_SECONDS)
    except TimeoutError:
        return None


def _parse(target: Path) -> list[Section]:
    sections = []
    with target.open(encoding="utf-8") as file:
        for line in file:
            found = json.loads(line)
            if "error" in found:
                raise TaskError(found["error"])
            sections.append(Section(**found))
    return sections
