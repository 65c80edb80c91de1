"""Which rule decides."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openfeature.flag_evaluation import Reason

from app.extensions.flags.decision import bucket, decide
from app.extensions.flags.snapshot import Snapshot

NAME = "shop.express"
USER, GROUP = str(uuid4()), str(uuid4())


def value(percentage: int | None, user: str | None = USER) -> bool:
    snapshot = Snapshot({NAME: (False, percentage)})
    return decide(NAME, snapshot, default=False, user_id=user, groups=()).value


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.uuids(), st.integers(0, 100), st.integers(0, 100))
def test_a_higher_percentage_keeps_who_has_the_flag(user: object, one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert value(high, str(user)) or not value(low, str(user))


@pytest.mark.parametrize("percentage", [0, 1, 10, 20, 50, 99, 100])
def test_a_percentage_is_a_share_of_the_users(percentage: int) -> None:
    users = [f"user-{number}" for number in range(5000)]
    share = sum(value(percentage, user) for user in users) / len(users)
    assert share == pytest.approx(percentage / 100, abs=0.02)
    if percentage in (0, 100):
        assert share == percentage / 100


def test_from_ten_to_twenty_percent_the_first_users_stay_in() -> None:
    users = [f"user-{number}" for number in range(5000)]
    first = {user for user in users if value(10, user)}
    second = {user for user in users if value(20, user)}
    assert first < second


def test_flags_begin_with_different_users() -> None:
    users = [f"user-{number}" for number in range(1000)]
    one, other = ({user for user in users if bucket(name, user) < 1000} for name in ("a.a", "b.b"))
    assert len(one & other) < len(one) / 2


def test_the_place_of_a_user_never_changes() -> None:
    # Another hash would give the flags of every project to other users.
    assert bucket("shop.express", "00000000-0000-0000-0000-000000000001") == 3790


def test_who_is_not_signed_in_has_it_at_a_hundred_percent_only() -> None:
    assert [value(percentage, None) for percentage in (0, 99, 100)] == [False, False, True]


@pytest.mark.parametrize(
    ("killed", "user", "group", "percentage", "expected"),
    [
        (True, True, True, 100, (False, Reason.DISABLED)),
        (False, False, True, 100, (False, Reason.TARGETING_MATCH)),
        (False, True, False, 0, (True, Reason.TARGETING_MATCH)),
        (False, None, True, 0, (True, Reason.TARGETING_MATCH)),
        (False, None, False, 100, (False, Reason.TARGETING_MATCH)),
        (False, None, None, 100, (True, Reason.SPLIT)),
        (False, None, None, 0, (False, Reason.SPLIT)),
        (False, None, None, None, (True, Reason.DEFAULT)),
    ],
)
def test_the_first_rule_that_applies_decides(
    killed: bool,
    user: bool | None,
    group: bool | None,
    percentage: int | None,
    expected: tuple[bool, Reason],
) -> None:
    given = {(NAME, "user", USER): user, (NAME, "group", GROUP): group}
    overrides = {key: value for key, value in given.items() if value is not None}
    snapshot = Snapshot({NAME: (killed, percentage)}, overrides)
    assert decide(NAME, snapshot, default=True, user_id=USER, groups=[GROUP]) == expected
