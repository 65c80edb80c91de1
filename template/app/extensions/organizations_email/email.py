"""The mails of this feature."""

from pydantic import Field, HttpUrl

from app.extensions.email.schemas import Mail


class Invited(Mail):
    """Invites an address to an organization."""

    organization: str = Field(examples=["Analytical Engines"])
    inviter: str = Field(examples=["ada@example.com"])
    link: HttpUrl = Field(examples=["https://example.com/invitation#token=abc"])
