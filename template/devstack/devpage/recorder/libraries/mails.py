"""Mails that leave by SMTP: how many recipients, and whether the server took them."""

import time
from typing import Any

import aiosmtplib

from devstack.devpage.recorder.entry import record

_installed: list[bool] = []


def install() -> None:
    """Record every mail that is sent."""
    if _installed:
        return
    _installed.append(True)
    sendmail = aiosmtplib.SMTP.sendmail

    async def watched(
        self: aiosmtplib.SMTP, sender: str, recipients: Any, message: Any, **options: Any
    ) -> Any:
        started, error = time.perf_counter(), None
        try:
            return await sendmail(self, sender, recipients, message, **options)
        except Exception as failure:
            error = type(failure).__name__
            raise
        finally:
            ms = round((time.perf_counter() - started) * 1000, 2)
            count = 1 if isinstance(recipients, str) else len(recipients)
            record("mail", recipients=count, bytes=len(message), ms=ms, error=error)

    setattr(aiosmtplib.SMTP, "sendmail", watched)  # noqa: B010 - for the type checker
