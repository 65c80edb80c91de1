"""Which limit applies to a request, by its method and path.

A route names its limit by a parameter, see `deps`. A feature that must also work without this
option names those of its routes in its `limits.py`:

    LIMITS = {"upload_file": Limit("files.upload", "30/minute")}  # by the function of the route
    EXEMPT = ("/metrics",)  # paths that are not limited, with those below them

Everything else has the default limit, also paths that do not exist. So a route cannot be forgotten.
A route below an exempt path is exempt as well, unless it has a limit of its own.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path
from starlette.types import Scope

from app.core.features import FeatureError, load, owner_of
from app.core.settings import get_settings, load_settings
from app.extensions.limits.deps import Limit
from app.extensions.limits.settings import LimitSettings, parse_rate

DEFAULT = Limit("default")
# Probes, and pages that a browser loads in many parts. Webhooks are signed, and their senders
# repeat a refused call for a limited time only.
EXEMPT = ("/health", "/docs", "/scalar", "/openapi.json")
WEBSOCKET = "WEBSOCKET"  # in place of a method


@dataclass(frozen=True, slots=True)
class Policy:
    """A limit with its rate."""

    name: str
    amount: int  # for a tier with the factor 1
    seconds: int
    cost: int
    closed: bool


class Policies:
    """The policies of all routes.

    Raises:
        FeatureError: a limit is declared twice in different ways, for a route that does not exist,
            or with the name of the default and a rate.
    """

    def __init__(self, api: FastAPI) -> None:
        self.settings = load_settings(LimitSettings)
        self._by_name: dict[str, tuple[Policy, str]] = {}
        self.default = self._policy(DEFAULT, "the default")
        self.exempt: tuple[str, ...] = (*EXEMPT, f"{get_settings().api_prefix}/webhooks")
        self._exact: dict[tuple[str, str], Policy | None] = {}
        # By the method, and whether the path is exempt.
        self._patterns: dict[tuple[str, bool], list[tuple[re.Pattern[str], Policy | None]]]
        self._patterns = defaultdict(list)
        self.routes: list[tuple[str, str, Policy | None]] = []
        modules = load("limits")
        for _, module in modules:
            self.exempt += getattr(module, "EXEMPT", ())
        declared: dict[tuple[str, str], Limit] = {
            (feature.name, function): limit
            for feature, module in modules
            for function, limit in getattr(module, "LIMITS", {}).items()
        }
        unused = set(declared)
        for route in iter_route_contexts(api.routes):
            if route.path is None or route.endpoint is None:
                continue
            key = (owner_of(route.endpoint.__module__) or "", route.endpoint.__name__)
            unused.discard(key)
            given = declared.get(key) or _given(getattr(route, "dependant", None)) or DEFAULT
            policy = self._policy(given, f"{route.endpoint.__module__}.{key[1]}")
            methods = getattr(route, "methods", None) or {WEBSOCKET}
            for method in sorted(methods):
                self._add(method, route.path, policy)
        if unused:
            names = ", ".join(sorted(f"{function} of '{name}'" for name, function in unused))
            raise FeatureError(f"limits.py names {names}, which is not a function of a route")
        if unknown := sorted(self.settings.rates.keys() - self._by_name.keys()):
            raise FeatureError(
                f"LIMITS_RATES names {', '.join(unknown)}, which no route uses; "
                f"there are: {', '.join(sorted(self._by_name))}."
            )

    def find(self, scope: Scope) -> Policy | None:
        """Return the policy of a request or websocket, or None if it is exempt."""
        path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        method = scope.get("method", WEBSOCKET)
        if (method, path) in self._exact:
            return self._exact[method, path]
        is_exempt = self._is_exempt(path)
        for pattern, policy in self._patterns.get((method, is_exempt), ()):
            if pattern.match(path):
                return policy
        return None if is_exempt else self.default

    def _add(self, method: str, path: str, policy: Policy) -> None:
        is_exempt = self._is_exempt(path)
        applied = None if is_exempt and policy.name == DEFAULT.name else policy
        self.routes.append((method, path, applied))
        patterns = self._patterns[method, is_exempt]
        # FastAPI takes the first match, so do we.
        if "{" in path:
            patterns.append((compile_path(path)[0], applied))
        elif not any(pattern.match(path) for pattern, _ in patterns):
            self._exact.setdefault((method, path), applied)

    def _is_exempt(self, path: str) -> bool:
        return path.startswith(self.exempt) and any(
            path == prefix or path.startswith(f"{prefix}/") for prefix in self.exempt
        )

    def _policy(self, limit: Limit, where: str) -> Policy:
        known, first = self._by_name.get(limit.name, (None, where))
        rate = self.settings.rates.get(limit.name) or limit.rate
        if limit.name == DEFAULT.name and rate:
            raise FeatureError(
                f"The rate of the limit default is LIMITS_DEFAULT, not that {where}."
            )
        if rate is None and known:
            rate_amount, seconds = known.amount, known.seconds
        else:
            item = parse_rate(rate or self.settings.default)
            rate_amount, seconds = item.amount, item.get_expiry()
        policy = Policy(limit.name, rate_amount, seconds, limit.cost, limit.closed)
        if known and (known.amount, known.seconds) != (policy.amount, policy.seconds):
            raise FeatureError(
                f"The limit {limit.name} has different rates at {first} and at {where}."
            )
        self._by_name.setdefault(limit.name, (policy, where))
        return policy


def _given(dependant: Dependant | None) -> Limit | None:
    """The limit among the dependencies of a route."""
    return next(_limits(dependant), None) if dependant else None


def _limits(dependant: Dependant) -> Iterator[Any]:
    for each in dependant.dependencies:
        if isinstance(each.call, Limit):
            yield each.call
        yield from _limits(each)
