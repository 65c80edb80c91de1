"""Does what becomes due: as real time goes on, and when a test moves a clock."""

import asyncio
import contextlib
import logging

from devstack.stripe.account import Account
from devstack.stripe.billing.agenda import Agenda
from devstack.stripe.deliveries import Deliveries
from devstack.stripe.store import Json

CLOCK = "test_helpers.test_clock"
IDLE_SECONDS = 1.0

log = logging.getLogger(__name__)


class Timekeeper:
    """Works in short pieces, so that the server answers in between."""

    def __init__(self, account: Account, agenda: Agenda, deliveries: Deliveries) -> None:
        self._account = account
        self._agenda = agenda
        self._deliveries = deliveries
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look for due work now."""
        self._wake.set()

    async def run(self) -> None:
        """Work until the task is cancelled. A clock whose move was interrupted goes on."""
        while True:
            if await self._round():
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS)
            self._wake.clear()

    async def advance(self, seconds: int) -> None:
        """Move the time of the account, and do what becomes due."""
        account = self._account
        with account.store.transaction():
            account.change_meta(offset=account.offset + seconds)
        target = account.now()
        while not self._run(None, target):  # noqa: ASYNC110 - this is the work itself
            await asyncio.sleep(0)
        self._deliveries.wake()

    async def _round(self) -> bool:
        """Do a piece of the work, and return whether some is left."""
        left = not self._run(None, self._account.now())
        for clock in self._account.where(CLOCK, status="advancing"):
            left |= not self._move(clock)
            self._deliveries.wake()
            await asyncio.sleep(0)
        return left

    def _run(self, clock: str | None, until: int) -> bool:
        """Do what is due. What fails is reported and not tried again."""
        try:
            return self._agenda.run(clock, until)
        except Exception:
            log.exception("Work that was due has failed")
            return False

    def _move(self, clock: Json) -> bool:
        target = clock["status_details"]["advancing"]["target_frozen_time"]
        account = self._account
        try:
            if not self._agenda.run(clock["id"], target):
                return False
        except Exception:
            log.exception("Test clock %s has failed", clock["id"])
            with account.store.transaction():
                account.change(clock, {"status": "internal_failure", "status_details": {}})
                account.emit(f"{CLOCK}.internal_failure", clock)
            return True
        with account.store.transaction():
            account.change(clock, {"frozen_time": target, "status": "ready", "status_details": {}})
            account.emit(f"{CLOCK}.ready", clock)
        return True
