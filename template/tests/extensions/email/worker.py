"""The worker of these tests, with the feature `shop`: `celery -A tests.extensions.email.worker`.

With MAIL_CRASH in the environment, the process is killed after the server has taken the first mail,
and before this is recorded. The file that it names counts the crashes.
"""

import os
import signal
from pathlib import Path
from typing import Any

from tests.extensions.email import shop

shop.add()

from app.extensions.email.transports.smtp import Smtp  # noqa: E402 - it loads the features
from app.worker import celery  # noqa: E402 - likewise

__all__ = ["celery"]

_send = Smtp.send


async def _send_and_die(*arguments: Any, **named: Any) -> Any:
    receipt = await _send(*arguments, **named)
    marker = Path(os.environ["MAIL_CRASH"])
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return receipt


if os.environ.get("MAIL_CRASH"):
    setattr(Smtp, "send", _send_and_die)  # noqa: B010 - for the type checker
