"""Numbers of credits."""

from app.core.database import Database, async_engine
from app.core.settings import get_settings
from app.extensions.credits.metrics import collect
from app.extensions.credits.service import charges, entries, holds
from tests.extensions.credits.conftest import OPERATION, Bank


async def test_what_is_outstanding_and_what_was_posted_today(bank: Bank, database_url: str) -> None:
    person = bank.person(100)
    bank.do(charges.spend, person, OPERATION, 15)
    bank.do(entries.adjust, person, -5, "Too much")
    bank.do(holds.release, person, bank.hold(person, 7))
    bank.hold(person, 3)
    old = bank.person(1000)
    # The key of an entry begins with its time. The trigger refuses changes of entries.
    bank.sql("ALTER TABLE app.credits_transactions DISABLE TRIGGER USER")
    bank.sql(
        "UPDATE app.credits_transactions SET id = '00000000-0000-7000-8000-000000000000'"
        " WHERE user_id = :user AND reason = 'Filled'",
        user=old,
    )
    bank.sql("ALTER TABLE app.credits_transactions ENABLE TRIGGER USER")
    settings = get_settings().model_copy(update={"database_url": database_url})
    database = Database(async_engine(settings))
    outstanding, posted = await collect(database.reader)
    await database.close()
    found = {sample.labels["kind"]: sample.value for sample in outstanding.samples}
    assert found == {"balance": 1077, "held": 3}
    amounts = {sample.labels["kind"]: sample.value for sample in posted.samples}
    assert amounts["charged"] == 15 + 3
    assert amounts["expired"] == 0
    # An account is opened with a grant, and `person` empties it by an adjustment.
    assert amounts["granted"] + amounts["adjusted"] == 100 - 5
