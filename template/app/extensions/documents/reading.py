"""Runs `extract` on somebody's file, within limits, and takes what it wrote."""

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
EVERY = 0.5  # seconds between two looks whether it was cancelled
TOO_MUCH = "The file takes too much memory or time to read."
BROKEN = "The file is broken and cannot be read."
MOST_TEXT = 64 << 20  # bytes that are written of one file

log = get_logger(__name__)

# Set in the child, before its program is loaded. `RLIMIT_AS` is not enforced by macOS.
_LIMITED = """
import resource, runpy, sys
module, seconds, megabytes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
sys.argv[1:5] = []
runpy.run_module(module, run_name="__main__")
"""


async def read(path: Path, media_type: str, settings: DocumentSettings) -> list[Section]:
    """Return the sections of a file.

    Raises:
        TaskError: it cannot be read; the text says why.
        CancelledError: the task was asked to stop.
    """
    target = path.with_name(f"{path.name}.sections")
    said = path.with_name(f"{path.name}.errors")
    limits = (str(settings.read_seconds), str(settings.read_megabytes), str(MOST_TEXT))
    with said.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _LIMITED, PROGRAM, *limits, str(path), media_type, str(target)),
            # It gets no key of ours, and finds the app where we do.
            env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        # CPU time is limited in the child; waiting for a disk is not CPU time.
        async with asyncio.timeout(settings.read_seconds * 4):
            while (code := await _code(process)) is None:
                progress(0, 100)
    except TimeoutError:
        raise TaskError(TOO_MUCH) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code:
        last = said.read_text(errors="replace").strip()[-500:]
        log.warning("document_unreadable", code=code, said=last)
        raise TaskError(BROKEN if code in (1, -signal.SIGSEGV) else TOO_MUCH)
    return _sections(target)


async def _code(process: asyncio.subprocess.Process) -> int | None:
    try:
        return await asyncio.wait_for(process.wait(), EVERY)
    except TimeoutError:
        return None


def _sections(target: Path) -> list[Section]:
    sections = []
    with target.open(encoding="utf-8") as file:
        for line in file:
            found = json.loads(line)
            if "error" in found:
                raise TaskError(found["error"])
            sections.append(Section(**found))
    return sections
