"""Decides about a flag for one user, without any input or output."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from openfeature.flag_evaluation import Reason

from app.extensions.flags.models import Kind
from app.extensions.flags.snapshot import Snapshot

BUCKETS = 10_000


class Decision(NamedTuple):
    """A value and where it comes from."""

    value: bool
    reason: Reason


def bucket(name: str, user_id: str) -> int:
    """Return the place of a user for a flag, from 0 to 9999, always the same one.

    A flag with a higher percentage is on for more places, and stays on for those before. The name
    is part of it, so that not the same users get every new feature first.
    """
    digest = hashlib.sha256(f"{name}:{user_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def decide(
    name: str, snapshot: Snapshot, *, default: bool, user_id: str | None, groups: Iterable[str]
) -> Decision:
    """Return the value of a flag. The first rule that applies decides.

    Off for everybody; the value for the user; the value for a group of the user; the percentage,
    which is 0 for callers who are not signed in, unless it is 100; the default.
    """
    killed, percentage = snapshot.states.get(name, (False, None))
    if killed:
        return Decision(value=False, reason=Reason.DISABLED)
    subjects = [(Kind.USER, user_id)] if user_id else []
    subjects += [(Kind.GROUP, group) for group in groups]
    for kind, subject in subjects:
        value = snapshot.overrides.get((name, kind.value, subject))
        if value is not None:
            return Decision(value, Reason.TARGETING_MATCH)
    if percentage is None:
        return Decision(default, Reason.DEFAULT)
    place = bucket(name, user_id) if user_id else BUCKETS - 1
    return Decision(place < percentage * BUCKETS // 100, Reason.SPLIT)
