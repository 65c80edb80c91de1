"""RedBeat's scheduler, with corrections for time zones, pauses and a lost lock."""

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
    """A schedule as RedBeat stores it, but with times in UTC.

    RedBeat stores local times, which are ambiguous in the hour that comes twice at the end of
    summer time. It also adds the time that remains from now on to the time of the last run, so its
    next run is usually too early, and an hour late across the end of summer time.
    """

    def default_now(self) -> datetime:
        """Now, in UTC. This does not change the time zone of crontabs, CELERY_TIMEZONE."""
        now: datetime = super().default_now()
        return now.astimezone(UTC)

    _default_now = default_now

    @property
    def due_at(self) -> datetime:
        """The time of the next run, or now if that is in the past."""
        last = self.last_run_at or self.default_now()
        left: timedelta = self.schedule.remaining_estimate(last)
        # `now` comes last: a result that is a moment late is right, one that is early is not.
        return self.default_now() + max(left, timedelta())


class Scheduler(RedBeatScheduler):  # type: ignore[misc]
    """Copies the schedules of the code to Redis, and starts the tasks that are due there."""

    Entry = Entry

    def update_from_dict(self, dict_: dict[str, dict[str, Any]]) -> None:
        """Store the schedules of the code. A paused schedule stays paused."""
        super().update_from_dict(
            {name: {**entry, "enabled": self._enabled(name)} for name, entry in dict_.items()}
        )

    def tick(self, **arguments: Any) -> float:
        """Start the tasks that are due. Return the seconds until the next call.

        If Redis is down, this waits for it. If that, or a suspended machine, took longer than the
        lock lasts, another beat may have taken over, and this one becomes its standby.
        """
        if self.lock is None:
            # The signal to stop has closed this scheduler. Its exit was lost, because it came
            # while a task was sent, where Celery treats every exception as an error of Redis.
            raise SystemExit(0)
        try:
            try:
                seconds: float = super().tick(**arguments)
            except LockNotOwnedError:
                log.warning("beat_lost_its_lock")
                self.lock.acquire()
                # The schedules may be gone as well, for example after a flush of Redis.
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
