"""`app storage`: the bucket at Supabase Storage."""

import typer

cli = typer.Typer(no_args_is_help=True, help="The private bucket at Supabase Storage.")


@cli.command()
def ensure() -> None:
    """Make the bucket, or give it the limits of the settings; run it with every deployment."""
    from app.core.settings import get_settings
    from app.core.supabase.clients import with_supabase
    from app.core.supabase.storage import Storage

    made = with_supabase(lambda supabase: Storage(supabase).ensure_bucket())
    name = get_settings().storage_bucket
    typer.echo(f"Bucket {name} was made." if made else f"Bucket {name} has the right limits.")
