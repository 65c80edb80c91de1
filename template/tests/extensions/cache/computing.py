"""Calls the slow function 25 times at once: `python -m tests.extensions.cache.computing KEY`."""

import asyncio
import sys

from app.core.logging import configure_logging
from app.core.settings import get_settings
from tests.extensions.cache.probe import slow


async def main() -> None:
    print("ready", flush=True)
    print(await asyncio.gather(*(slow(sys.argv[1]) for _ in range(25))), flush=True)


if __name__ == "__main__":
    configure_logging(get_settings())
    asyncio.run(main())
