"""Counts a request and decides about it."""

from dataclasses import replace
from typing import NamedTuple

from fastapi import FastAPI
from starlette.types import Scope

from app.core.errors import UnavailableError
from app.core.redis import RedisDownError, optional_redis
from app.extensions.limits.callers import Caller, Callers
from app.extensions.limits.leases import Leases
from app.extensions.limits.policies import DEFAULT, Policies, Policy
from app.extensions.limits.windows import Count, OwnCounts, SharedCounts, Window


class Quota(NamedTuple):
    """What a caller may still send."""

    policy: Policy
    caller: Caller
    amount: int
    window: Window

    @property
    def headers(self) -> dict[str, str]:
        """The headers of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/."""
        name, seconds = self.policy.name, self.policy.seconds
        left, resets = self.window.remaining(self.amount, seconds), self.window.resets_in(seconds)
        return {
            "RateLimit-Policy": f'"{name}";q={self.amount};w={seconds}',
            "RateLimit": f'"{name}";r={left};t={resets if self.window.taken else self.retry_after}',
        }

    @property
    def retry_after(self) -> int:
        """Seconds after which the request is possible."""
        return self.window.retry_after(self.amount, self.policy.seconds, self.policy.cost)


class LimitsUnavailableError(UnavailableError):
    """Requests to a closed route cannot be counted."""

    code = "limits_unavailable"


class Limiter:
    """The limits of the running API."""

    def __init__(self, api: FastAPI) -> None:
        self.policies = Policies(api)
        self.callers = Callers(api)
        self.redis = optional_redis()
        self.leases = Leases(SharedCounts(api.state.redis))
        self._own = OwnCounts()

    async def take(self, scope: Scope, policy: Policy) -> Quota:
        """Count a request.

        Raises:
            LimitsUnavailableError: Redis does not answer, and the limit is closed.
        """
        caller = await self.callers.find(scope)
        amount = max(policy.cost, round(policy.amount * caller.factor))
        if caller.rate and policy.name == DEFAULT.name:
            policy = replace(policy, amount=caller.rate.amount, seconds=caller.rate.seconds)
            amount = max(policy.cost, policy.amount)
        key = f"{policy.name}/{policy.seconds}/{caller.kind}/{caller.id}"
        count = Count(key, amount, policy.seconds, policy.cost)
        window = self.leases.spend(count)
        if window is None:
            try:
                window = await self.redis.ask(lambda: self.leases.take(count))
            except RedisDownError as error:
                if policy.closed:
                    raise LimitsUnavailableError(
                        "Requests cannot be counted at the moment; try again shortly."
                    ) from error
                window = self._own.take(count)
        return Quota(policy, caller, amount, window)
