"""A request to the API, and the table of its endpoints."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from devstack.stripe.account import Account
from devstack.stripe.errors import StripeError
from devstack.stripe.params import Params
from devstack.stripe.rendering import Shown, render
from devstack.stripe.search import matches
from devstack.stripe.store import Json

MOST_LISTED = 100
PERIOD = {"gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__"}


@dataclass
class Call:
    """What an endpoint gets."""

    account: Account
    params: Params
    # The ids of the path, in their order.
    ids: list[str]

    @property
    def id(self) -> str:
        """The first id of the path."""
        return self.ids[0]

    def find(self, kind: str) -> Json:
        """Return the object that the path names."""
        return self.account.find(kind, self.id)

    def referred(self, key: str, kind: str) -> Json | None:
        """Return the object whose id is a parameter."""
        identity = self.params.text(key)
        return self.account.find(kind, identity, self.params.name(key)) if identity else None

    def metadata(self, before: Json | None = None) -> Json:
        """Return the metadata: names with an empty value are removed."""
        return merged(before, self.params.mapping("metadata"))

    def page(self, items: Iterable[Json], url: str) -> Json:
        """Return one page of a list, newest first; `items` are in the order of their creation."""
        params = self.params
        created = params.raw("created")
        found = [each for each in reversed(list(items)) if not each.get("deleted")]
        if created:
            found = [each for each in found if _within(each["created"], created)]
        limit = params.integer("limit", 10, least=1) or 10
        if limit > MOST_LISTED:
            raise StripeError(400, "This value must be less than or equal to 100.", param="limit")
        after, before = params.text("starting_after"), params.text("ending_before")
        if after and before:
            raise StripeError(400, "Pass either starting_after or ending_before, not both.")
        if after:
            found = found[_position(found, after, "starting_after") + 1 :]
            shown, more = found[:limit], len(found) > limit
        elif before:
            found = found[: _position(found, before, "ending_before")]
            shown, more = found[-limit:], len(found) > limit
        else:
            shown, more = found[:limit], len(found) > limit
        data = [render(self.account.store, each) for each in shown]
        return Shown(object="list", data=data, has_more=more, url=url)

    def search(self, kind: str, url: str) -> Json:
        """Return the objects that fit the query of the request."""
        query = self.params.required("query")
        self.params.ignore("page")
        found = [each for each in self.account.where(kind) if matches(each, query)]
        page = self.page(found, url)
        return Shown({**page, "object": "search_result", "next_page": None})


def merged(before: Json | None, given: dict[str, str]) -> Json:
    """Return metadata after a change: an empty value removes a name."""
    return {key: value for key, value in {**(before or {}), **given}.items() if value != ""}


def _position(items: list[Json], identity: str, param: str) -> int:
    for number, each in enumerate(items):
        if each["id"] == identity:
            return number
    raise StripeError(400, f"No such object: '{identity}'", code="resource_missing", param=param)


def _within(moment: int, wanted: object) -> bool:
    bounds = wanted.items() if isinstance(wanted, dict) else [("gte", wanted), ("lte", wanted)]
    try:
        return all(getattr(moment, PERIOD[name])(int(str(value))) for name, value in bounds)
    except (KeyError, ValueError):
        raise StripeError(400, "Invalid created", param="created") from None


Endpoint = Callable[[Call], Json]


@dataclass(frozen=True)
class Route:
    """One endpoint. `{}` in the path stands for an id."""

    method: str
    path: str
    endpoint: Endpoint

    def match(self, method: str, path: str) -> list[str] | None:
        """Return the ids of a path, or None if it is another endpoint's."""
        pattern = re.escape(self.path).replace(r"\{\}", "([^/]+)")
        found = re.fullmatch(pattern, path) if method == self.method else None
        return list(found.groups()) if found else None
