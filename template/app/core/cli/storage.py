"""`app storage`: the bucket in Supabase Storage."""

import typer

from app.core.cli.errors import CliError
from app.core.settings import get_settings
from app.core.supabase.clients import with_supabase
from app.core.supabase.storage import Storage

cli = typer.Typer(no_args_is_help=True, help="The private bucket in Supabase Storage.")


@cli.command()
def ensure() -> None:
    """Create the bucket, or update its limits to the settings; run it with every deployment."""
    created = with_supabase(lambda supabase: Storage(supabase).ensure_bucket())
    done = "was created" if created else "has the limits of the settings"
    typer.echo(f"Bucket {get_settings().storage_bucket} {done}.")


def check_bucket() -> str:
    """Compare the bucket with the settings, for `app doctor`.

    Raises:
        BucketMissingError: there is no bucket.
        CliError: it differs.
    """
    name = get_settings().storage_bucket
    differences = with_supabase(lambda supabase: Storage(supabase).differences())
    if differences:
        raise CliError(
            f"the bucket {name} differs from the settings: {', '.join(differences)}. Run "
            "`uv run app storage ensure`."
        )
    return f"bucket {name}"
