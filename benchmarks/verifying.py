"""Times the project's token verifier; runs with the project's own Python, for `verifier.py`.

Prints one line of JSON for each round: microseconds for a token at its first request, at the
next ones, and for PyJWT alone, which the first cannot beat.
"""

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

# Nothing is read from a `.env`.
os.environ["ENVIRONMENT"] = "test"

import httpx
import jwt
from app.core.auth.tokens import TokenVerifier
from app.core.settings import CoreSettings
from devstack.supabase import LocalSupabase


async def main(rounds: int, count: int) -> None:
    """Measure in turns, so that whatever else the machine does meets all."""
    with LocalSupabase() as supabase:
        settings = CoreSettings(
            secret_key="x" * 32,
            database_url="postgresql://127.0.0.1/none",
            redis_url="redis://127.0.0.1:1",
            supabase_url=supabase.url,
            supabase_publishable_key=supabase.publishable_key,
            supabase_secret_key=supabase.secret_key,
        )
        public = supabase.auth.store.signing_key.public

        async def alone(token: str) -> None:
            jwt.decode(token, public, algorithms=["ES256"], audience="authenticated")

        async with httpx.AsyncClient() as client:
            verifier = TokenVerifier(settings, client)
            # The key set is fetched here.
            await verifier.verify(supabase.issue_token())
            for _ in range(rounds):
                tokens = [
                    supabase.issue_token(claims={"nonce": uuid.uuid4().hex}) for _ in range(count)
                ]
                ways = {"first": verifier.verify, "again": verifier.verify, "alone": alone}
                print(json.dumps({name: await timed(way, tokens) for name, way in ways.items()}))


async def timed(way: Callable[[str], Any], tokens: list[str]) -> float:
    """Microseconds for each token."""
    started = time.perf_counter()
    for token in tokens:
        await way(token)
    return (time.perf_counter() - started) / len(tokens) * 1e6


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
