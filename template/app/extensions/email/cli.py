"""`app email`: look at mails, and test the transport; the dev stack adds `build`."""

import asyncio
import webbrowser
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from sqlmodel.ext.asyncio.session import AsyncSession

from app.core.cli.database import with_session
from app.core.cli.errors import CliError
from app.core.cli.output import print_table
from app.core.database.models import utcnow
from app.core.settings import load_settings
from app.extensions.email import recipients
from app.extensions.email.catalog import catalog, mail_class
from app.extensions.email.email import TestMail
from app.extensions.email.models import Reason
from app.extensions.email.preview import preview_page, sample
from app.extensions.email.render import message, render
from app.extensions.email.settings import EmailSettings
from app.extensions.email.transports import DeliveryError, create_transport

cli = typer.Typer(name="email", no_args_is_help=True, help="Mails.")

Recipient = Annotated[str, typer.Argument(metavar="ADDRESS", help="E-mail address.")]


@cli.command("list")
def list_mails() -> None:
    """List every mail with its category and subject."""
    rows = [(k, each.category.name, sample(each).subject) for k, each in catalog().items()]
    print_table(("Mail", "Category", "Subject"), *rows)


@cli.command()
def preview(
    name: Annotated[str | None, typer.Argument(help="One mail; prints its text.")] = None,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path(".dev/emails.html"),
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")] = True,
) -> None:
    """Write a page with every mail and sample data; `app dev` serves it at /dev/emails."""
    if name:
        content = sample(mail_class(name))
        typer.echo(f"Subject: {content.subject}\n\n{content.text}")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(preview_page(), encoding="utf-8")
    typer.echo(f"Wrote {out}")
    if open_:
        webbrowser.open(out.resolve().as_uri())


@cli.command()
def send(address: Recipient) -> None:
    """Send a test mail at once, without the tasks."""
    settings = load_settings(EmailSettings)
    mail = TestMail(to=address)
    (recipient,) = mail.recipients
    built = message(
        render(mail),
        mail,
        sent_to=mail.recipients,
        message_id=f"{uuid4()}@{settings.domain}",
        date=utcnow(),
    )
    try:
        receipt = asyncio.run(create_transport(settings).send(built, [recipient], key=str(uuid4())))
    except DeliveryError as error:
        raise CliError(str(error)) from error
    if refusal := receipt.refused.get(recipient):
        raise CliError(refusal.text)
    typer.echo(f"Sent to {recipient}.")


@cli.command()
def suppress(address: Recipient) -> None:
    """Never mail an address again."""

    async def work(session: AsyncSession) -> None:
        await recipients.suppress(session, address, Reason.MANUAL)
        await session.commit()

    with_session(work)


@cli.command()
def release(address: Recipient) -> None:
    """Mail an address again that was suppressed."""

    async def work(session: AsyncSession) -> None:
        await recipients.release(session, address)
        await session.commit()

    with_session(work)
