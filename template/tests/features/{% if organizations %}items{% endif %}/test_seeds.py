"""`app db seed` adds the sample rows of items."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.database.seeding import Seeder
from app.extensions.organizations.service.organizations import personal
from app.features.items.models import Item
from app.features.items.seeds import SAMPLES, seed
from tests.support.people import SignIn


async def test_each_personal_organization_gets_the_samples_once(
    session: AsyncSession, sign_in: SignIn
) -> None:
    people = [await sign_in(), await sign_in()]
    counts = []
    for person in (*people, people[0]):
        seeder = Seeder(session, person.email)
        await seed(seeder)
        counts.append(seeder.added)
    assert counts == [len(SAMPLES), len(SAMPLES), 0]
    for person in people:
        organization = await personal(session, person.id)
        theirs = select(Item).where(col(Item.organization_id) == organization.id)
        assert {each.title: each.done for each in await session.exec(theirs)} == SAMPLES
