"""What the dev stack does to a database before the processes start."""

from devstack.prepare import commands

USERS = {
    "FIRST_ADMIN_EMAIL": "boss@example.com",
    "FIRST_ADMIN_PASSWORD": "correct-horse",
    "DEMO_USER_EMAIL": "demo@example.com",
    "DEMO_USER_PASSWORD": "correct-horse",
}


def names(settings: dict[str, str], *, users: bool, samples: bool) -> list[str]:
    found = commands(settings, users=users, samples=samples)
    return [" ".join(command[:2]) for command in found]


def test_sample_rows_come_after_their_owner() -> None:
    assert names(USERS, users=True, samples=True) == [
        "db upgrade",
        "storage ensure",
        "user create",
        "user create",
        "db seed",
    ]


def test_a_database_that_is_not_new_gets_no_sample_rows() -> None:
    assert "db seed" not in names(USERS, users=True, samples=False)


def test_without_a_demo_user_there_is_nobody_to_own_them() -> None:
    assert names({}, users=True, samples=True) == ["db upgrade", "storage ensure"]


def test_users_of_a_supabase_project_are_not_created() -> None:
    assert names(USERS, users=False, samples=False) == ["db upgrade"]
