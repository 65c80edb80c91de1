"""`python -m devstack.deploy.pending`: prints the migrations that the database lacks."""

from app.core.cli.errors import run
from app.core.migrations.connections import migration_engine
from app.core.migrations.state import pending


def main() -> None:
    """Print the revisions in one line, which is empty if there are none."""
    with migration_engine().connect() as connection:
        print(*pending(connection))


if __name__ == "__main__":
    run(main)
