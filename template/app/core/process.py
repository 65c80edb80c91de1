"""What features do in each process, whatever it is: the API, a worker, beat or a command."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from app.core.features import load
from app.core.logging import get_logger
from app.core.settings.retired import retired_settings

log = get_logger(__name__)

# A worker has one such process for each task that it runs at the same time.
Kind = Literal["api", "worker", "beat", "command"]


@contextmanager
def process(kind: Kind, name: str | None = None) -> Iterator[None]:
    """Enter `run(kind, name)` of the `process.py` of every feature, until the process ends.

    A process that serves also warns of settings that have no effect any more.

    Args:
        kind: what the process does.
        name: the group of commands, if it is a command: `db`.

    Raises:
        FeatureError: a feature cannot be loaded.
        SettingsError: the settings of a feature are missing or wrong.
    """
    if kind != "command":
        for setting, cure in retired_settings():
            log.warning("retired_setting", setting=setting, cure=cure)
    with ExitStack() as stack:
        for _, run in load("process"):
            stack.enter_context(run(kind, name))
        yield
