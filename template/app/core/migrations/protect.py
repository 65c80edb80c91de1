"""The line of a migration that closes a new table to Supabase's HTTP interfaces."""

from alembic import op

from app.core.migrations.access import secure


def protect(table: str) -> None:
    """Enable row level security on one of our tables and revoke the rights of the API roles."""
    secure(op.get_bind(), table)
