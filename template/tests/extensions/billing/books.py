"""Our books and those of Stripe, and deliveries as bad as they can be."""

import random

from app.extensions.billing.models import invoices, lines, subscriptions
from tests.extensions.billing.shop import Shop


async def deliver_badly(shop: Shop, chance: random.Random) -> None:
    """Deliver two thirds of the new events, each twice, in any order; the others come later."""
    new = [event for event in shop.events() if event.id not in shop.delivered]
    chance.shuffle(new)
    chosen = new[: 1 + 2 * len(new) // 3]
    for event in chosen * 2:
        assert (await shop.send(event)).status_code == 204
        await shop.process(event.id)
        shop.delivered.add(event.id)


async def agree(shop: Shop) -> None:
    """Compare all subscriptions, invoices and lines with those of Stripe."""
    theirs = {
        each.id: each
        for each in shop.v1.subscriptions.list({"status": "all", "limit": 100}).auto_paging_iter()
    }
    ours = {row["stripe_id"]: row for row in await shop.rows(subscriptions)}
    assert ours.keys() == theirs.keys()
    for identity, row in ours.items():
        item = theirs[identity]["items"].data[0]
        assert row["status"] == theirs[identity].status
        assert row["price"] == item.price.lookup_key
        assert row["seats"] == item.quantity
        assert int(row["period_end"].timestamp()) == item.current_period_end
    listed = [*shop.v1.invoices.list({"limit": 100}).auto_paging_iter()]
    invoiced = {each.id: (each.status, each.total, each.amount_paid) for each in listed}
    stored = {
        row["stripe_id"]: (row["status"], row["total"], row["paid"])
        for row in await shop.rows(invoices)
    }
    # An invoice is a draft for an hour, and no event of ours tells of it.
    assert stored == {key: each for key, each in invoiced.items() if each[0] != "draft"}
    expected = sum(len(each.lines.data) for each in listed if each.status == "paid")
    assert len(await shop.rows(lines)) == expected
    assert await shop.waiting() == []
