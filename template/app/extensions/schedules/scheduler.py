"""The scheduler that beat runs: RedBeat's, mended where it loses time, a pause or its lock."""

from datetime import UTC, datetime, timedelta
from typing import Any

from redbeat import (  # type: ignore[import-untyped]
    RedBeatScheduler,
    RedBeatSchedulerEntry,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import LockNotOwnedError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.core.logging import get_logger

log = get_logger(__name__)


class Entry(RedBeatSchedulerEntry):  # type: ignore[misc]
    """A schedule as RedBeat stores it, with its times in UTC.

    RedBeat stores local times without saying which of the two is meant when an hour comes twice,
    and adds what is left from now to the time of the last run: too early as a rule, and an hour
    late across the end of summer time.
    """

    def default_now(self) -> datetime:
        """Now, in UTC; crontabs are read in CELERY_TIMEZONE all the same."""
        now: datetime = super().default_now()
        return now.astimezone(UTC)

    _default_now = default_now

    @property
    def due_at(self) -> datetime:
        """When it has to be started next; now where that is past."""
        last = self.last_run_at or self.default_now()
        left: timedelta = self.schedule.remaining_estimate(last)
        # Asked for last: a moment too late is in the right second, a moment too early is not.
        return self.default_now() + max(left, timedelta())


class Scheduler(RedBeatScheduler):  # type: ignore[misc]
    """Takes the schedules of the code over into Redis, and starts what is due there."""

    Entry = Entry

    def update_from_dict(self, dict_: dict[str, dict[str, Any]]) -> None:
        """Store the schedules of the code; one that was paused stays paused."""
        super().update_from_dict(
            {name: {**entry, "enabled": self._enabled(name)} for name, entry in dict_.items()}
        )

    def tick(self, **arguments: Any) -> float:
        """Start what is due; the seconds until it has to be looked at again.

        An outage of Redis is waited for. If it, or a sleep of this machine, was longer than the
        lock lasts, another beat may have taken over: this one then stands by for it.
        """
        if self.lock is None:
            # The signal to stop has closed this scheduler, and its exit was lost where it came:
            # in the middle of sending, which takes every exception for a trouble with Redis.
            raise SystemExit(0)
        try:
            try:
                seconds: float = super().tick(**arguments)
            except LockNotOwnedError:
                log.warning("beat_lost_its_lock")
                self.lock.acquire()
                # Whatever took the lock may have taken the schedules as well.
                self.setup_schedule()
                return 0
        except (RedisConnectionError, RedisTimeoutError) as error:
            log.warning("beat_waits_for_redis", error=str(error))
            return float(self.max_interval)
        return seconds

    def _enabled(self, name: str) -> bool:
        try:
            stored = Entry.from_key(Entry.generate_key(self.app, name), app=self.app)
        except KeyError:
            return True
        return bool(stored.enabled)
