"""Sample rows, which `app db seed` adds."""

from app.core.database.seeding import Seeder
from app.extensions.users.service import get_by_email
from app.features.items.models import Item

# Titles, and whether the item is done.
SAMPLES = {"Read the README": True, "Start the backend": True, "Write the first feature": False}


async def seed(seeder: Seeder) -> None:
    """Give the user a few items."""
    owner = await get_by_email(seeder.session, seeder.email)
    await seeder.add(
        *(
            Item(
                id=seeder.key("items", owner.id, title),
                owner_id=owner.id,
                title=title,
                done=SAMPLES[title],
            )
            for title in SAMPLES
        )
    )
