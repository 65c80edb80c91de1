"""What the forms of this feature send."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, Json

from app.core.http.schemas import RequestModel


def _plain_address(value: str) -> str:
    """Check the shape only: Auth decides, and its mail shows whether the address exists."""
    name, _, domain = value.rpartition("@")
    if not name or "." not in domain or any(each.isspace() for each in value):
        raise ValueError("Please enter an e-mail address, such as name@example.com.")
    return value.lower()


Address = Annotated[str, Field(min_length=1, max_length=320), AfterValidator(_plain_address)]
Password = Annotated[str, Field(min_length=1, max_length=72)]  # bcrypt reads 72 bytes
NewPassword = Annotated[str, Field(min_length=8, max_length=72)]


class SignIn(RequestModel):
    """Address and password."""

    email: Address
    password: Password


class SignUp(RequestModel):
    """A new account."""

    email: Address
    password: NewPassword


class ByMail(RequestModel):
    """The address to which a mail is sent."""

    email: Address


class Code(RequestModel):
    """The code of a mail."""

    kind: Annotated[str, Field(pattern="^(signup|magiclink|recovery)$")]
    email: Address
    code: Annotated[str, Field(min_length=1, max_length=20)]


# People type the code of an app as it is shown, in two groups.
Digits = Annotated[
    str,
    BeforeValidator(lambda value: value.replace(" ", "") if isinstance(value, str) else value),
    Field(min_length=1, max_length=12),
]


class AppCode(RequestModel):
    """The code that an authenticator app shows."""

    code: Digits
    app: str = Field(default="", max_length=64)


class NewApp(RequestModel):
    """A new authenticator app."""

    name: Annotated[str, Field(min_length=1, max_length=60)]


class UsedPasskey(RequestModel):
    """What a browser answers for a passkey."""

    challenge: Annotated[str, Field(min_length=1, max_length=64)]
    credential: Json[dict[str, Any]]


class NewPasskey(UsedPasskey):
    """A new passkey."""

    name: Annotated[str, Field(min_length=1, max_length=30)]  # Auth allows 120 bytes


class MailCode(RequestModel):
    """The code of a mail to the visitor's own address."""

    code: Digits


class OwnPassword(RequestModel):
    """The password of the visitor."""

    password: Password


class ChosenPassword(RequestModel):
    """Another password, after the link of a mail."""

    password: NewPassword


class ChangedPassword(ChosenPassword):
    """Another password, with the one that is valid now."""

    current: Password


class NewAddress(RequestModel):
    """Another address."""

    email: Address


class NewAddressCode(NewAddress):
    """The code of one of the two mails about another address."""

    code: Digits


class Profile(RequestModel):
    """What users say about themselves."""

    display_name: str | None = Field(default=None, max_length=100)
