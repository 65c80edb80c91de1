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
    """What a caller, or the group in which the caller works, may still send."""

    name: str
    caller: Caller
    counted: Count
    window: Window

    @property
    def headers(self) -> dict[str, str]:
        """The headers of https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/."""
        _, amount, seconds, _ = self.counted
        left = self.window.remaining(amount, seconds)
        resets = self.window.resets_in(seconds) if self.is_taken else self.retry_after
        return {
            "RateLimit-Policy": f'"{self.name}";q={amount};w={seconds}',
            "RateLimit": f'"{self.name}";r={left};t={resets}',
        }

    @property
    def is_taken(self) -> bool:
        """Whether the request was counted, and not refused."""
        return self.window.taken

    @property
    def retry_after(self) -> int:
        """Seconds after which the request is possible."""
        _, amount, seconds, cost = self.counted
        return self.window.retry_after(amount, seconds, cost)


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

    async def take(self, scope: Scope, policy: Policy) -> list[Quota]:
        """Count a request for its caller and for the group in which the caller works, if any.

        If one of them is over the limit, it is the last one, and the request counts for nobody.

        Raises:
            LimitsUnavailableError: Redis does not answer, and the limit is closed.
        """
        caller = await self.callers.find(scope)
        own = policy
        if caller.rate and policy.name == DEFAULT.name:
            own = replace(policy, amount=caller.rate.amount, seconds=caller.rate.seconds)
            caller = caller._replace(factor=1.0)
        quotas = [await self._count(policy.name, own, caller)]
        if quotas[0].is_taken and caller.user_id:
            group = await self.callers.find_group(scope, caller.user_id)
            if group:
                name = f"{policy.name}.{group.kind}"
                quotas.append(await self._count(name, policy, group))
        if not quotas[-1].is_taken:
            for quota in quotas[:-1]:
                self._put_back(quota.counted)
        return quotas

    async def _count(self, name: str, policy: Policy, caller: Caller) -> Quota:
        amount = max(policy.cost, round(policy.amount * caller.factor))
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
        return Quota(name, caller, count, window)

    def _put_back(self, count: Count) -> None:
        """Count a request no longer that was admitted a moment ago."""
        if not self.leases.put_back(count):
            self._own.put_back(count)
