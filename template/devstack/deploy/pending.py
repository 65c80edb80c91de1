"""`python -m devstack.deploy.pending`: prints the migrations that the database lacks."""

from app.core.migrations.connections import migration_engine
from app.core.migrations.state import pending

if __name__ == "__main__":
    with migration_engine().connect() as connection:
        print(*pending(connection))
