"""`app db seed` adds the sample rows of items."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.seeding import Seeder
from app.features.items.models import Item
from app.features.items.seeds import SAMPLES, seed
from tests.support.people import SignIn


async def test_each_user_gets_the_samples_once(session: AsyncSession, sign_in: SignIn) -> None:
    people = [await sign_in(), await sign_in()]
    counts = []
    for person in (*people, people[0]):
        seeder = Seeder(session, person.email)
        await seed(seeder)
        counts.append(seeder.added)
    assert counts == [len(SAMPLES), len(SAMPLES), 0]
    for person in people:
        mine = (await session.exec(select(Item).where(col(Item.owner_id) == person.id))).all()
        assert {each.title: each.done for each in mine} == SAMPLES


async def test_a_row_that_was_changed_is_kept(session: AsyncSession, sign_in: SignIn) -> None:
    person = await sign_in()
    await seed(Seeder(session, person.email))
    mine = select(Item).where(col(Item.owner_id) == person.id)
    first = (await session.exec(mine)).first()
    assert first
    first.title = "Mine"
    await session.commit()
    seeder = Seeder(session, person.email)
    await seed(seeder)
    assert seeder.added == 0
    assert "Mine" in {each.title for each in await session.exec(mine)}
