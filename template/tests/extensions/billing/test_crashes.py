"""A worker that dies after any statement or request, and works again, counts everything once."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.ext.asyncio import AsyncConnection

from app.extensions.billing.service import client
from tests.extensions.billing.books import agree
from tests.extensions.billing.shop import Shop
from tests.support.people import SignIn

# Of the transaction of the test, which a dead worker would not see.
OURS = ("SAVEPOINT", "RELEASE", "ROLLBACK")


class Died(Exception):  # noqa: N818 - no error of the code under test
    """The worker is gone."""


@contextmanager
def dying(connection: AsyncConnection, at: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Die after the statement or the answer of Stripe with this number, from 1."""
    left = at

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Died

    def statement(_: Any, __: Any, sql: str, *___: Any) -> None:
        if not sql.startswith(OURS):
            step()

    real = client._Transport.request_async

    async def request(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(self, *args, **kwargs)
        step()
        return answer

    found = connection.sync_connection
    sqlalchemy_event.listen(found, "after_cursor_execute", statement)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(client._Transport, "request_async", request)
            yield
    finally:
        sqlalchemy_event.remove(found, "after_cursor_execute", statement)


async def test_each_event_survives_a_death_at_each_point(
    shop: Shop, sign_in: SignIn, connection: AsyncConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await sign_in()
    await shop.subscribe(person.headers, "basic_monthly")
    await shop.buy(person.headers)
    charge = shop.v1.charges.list({"limit": 1}).data[0]
    shop.v1.refunds.create({"charge": charge.id, "amount": 100})
    deaths = 0
    for event in shop.events():
        assert (await shop.send(event)).status_code == 204
        for point in count(1):
            try:
                with dying(connection, point, monkeypatch):
                    await shop.process(event.id)
            except Died:
                await shop.session.rollback()
                assert await shop.waiting() == [event.id]
                deaths += 1
            else:
                break
    assert deaths > 3 * len(shop.events())
    await agree(shop)
