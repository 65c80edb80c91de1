"""Sends mails in a process of its own: `python -m tests.extensions.email.sender NUMBER REPEATED`.

The last REPEATED of the mails are sent twice, with the same keys.
"""

import sys

from sqlmodel.ext.asyncio.session import AsyncSession

from tests.extensions.email import shop

shop.add()

from app.core.cli.database import with_session  # noqa: E402 - it loads the features
from app.extensions.email import service  # noqa: E402 - likewise


async def send(session: AsyncSession) -> None:
    number, repeated = map(int, sys.argv[1:])
    for each in (*range(number), *range(number - repeated, number)):
        await service.send(session, shop.shipped(f"user{each}@example.com"), key=f"mail:{each}")
    await session.commit()


if __name__ == "__main__":
    with_session(send)
