"""What features write: classes of mails and categories; and the models of requests and responses.

A mail is a class in the module `email.py` of a feature, with a template of the same name in the
feature's folder `emails/`:

    class OrderShipped(Mail):
        number: str = Field(examples=["4711"])

is rendered by `emails/order_shipped.html` and `.txt`, which `app email build` writes from
`emails/order_shipped.mjml`. The examples fill the preview. A class whose name
begins with `_` is only a base of others.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, get_args, get_origin

import idna
from pydantic import (
    AfterValidator,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    Secret,
    SecretBytes,
    SecretStr,
    model_validator,
)

from app.core.features import owner_of
from app.core.http.schemas import ResponseModel

MAX_ATTACHMENTS = 5 * 1024 * 1024  # bytes of one mail; they are kept in the database until sent

# Deliberately tolerant: only the server of the recipient knows whether an address exists.
_ADDRESS = re.compile(r"[^\s@<>(),;:\"\\\x00-\x1f\x7f]{1,64}@[^\s@<>(),;:\"\\\x00-\x1f\x7f]{1,255}")
_DOMAIN = re.compile(r"[^.]{1,63}(\.[^.]{1,63})*")


def normalize(address: str) -> str:
    """Return an address as it is stored and compared: in lower case, the domain in ASCII.

    Raises:
        ValueError: it is no e-mail address.
    """
    address = address.strip().lower()
    if not _ADDRESS.fullmatch(address):
        raise ValueError("this is no e-mail address")
    local, _, domain = address.rpartition("@")
    return f"{local}@{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """Return a domain as DNS has it: in ASCII (IDNA 2008, UTS 46), without a dot at its end.

    Raises:
        ValueError: there is no such domain.
    """
    if not domain.isascii():
        # The codec of Python follows IDNA 2003, for which `faß` is `fass`, another domain.
        domain = idna.encode(domain, uts46=True).decode()
    domain = domain.removesuffix(".")
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("the domain is not valid")
    return domain


Address = Annotated[str, AfterValidator(normalize)]


@dataclass(frozen=True)
class Category:
    """A kind of mails that a recipient can switch off, unless it is not `optional`."""

    name: str
    label: str  # on the page of preferences
    optional: bool = True
    on_by_default: bool = True


# Mails without which the recipient could not use the application.
TRANSACTIONAL = Category("transactional", "Account and security", optional=False)
PRODUCT = Category("product", "News about the product")


class Attachment(BaseModel):
    """A file of a mail."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/\\]+$")
    media_type: str = Field(pattern=r"^[a-z]+/[a-z0-9.+-]+$")
    content: Base64Bytes

    @classmethod
    def of(cls, name: str, media_type: str, content: bytes) -> Self:
        """Make an attachment of bytes."""
        from base64 import b64encode

        return cls.model_validate(
            {"name": name, "media_type": media_type, "content": b64encode(content)}
        )


class Mail(BaseModel):
    """Base of all mails. Each field is a placeholder of the template."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: ClassVar[Category] = TRANSACTIONAL

    # Several recipients get the same message and see each other.
    to: Address | tuple[Address, ...] = Field(examples=["ada@example.com"])
    reply_to: Address | None = None
    attachments: tuple[Attachment, ...] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse fields whose values would not survive until a task sends the mail.

        Raises:
            TypeError: a field is secret or excluded.
        """
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if field.exclude or _is_hidden(field.annotation):
                raise TypeError(
                    f"{cls.__name__}.{name}: a mail is stored until it is sent, so its fields "
                    "cannot be secret or excluded. Write str: they are deleted once it is sent."
                )

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses, each once."""
        listed = (self.to,) if isinstance(self.to, str) else self.to
        return tuple(dict.fromkeys(listed))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.recipients:
            raise ValueError("a mail needs a recipient")
        if self.category.optional and len(self.recipients) > 1:
            raise ValueError("a mail that one can unsubscribe from has exactly one recipient")
        if sum(len(each.content) for each in self.attachments) > MAX_ATTACHMENTS:
            raise ValueError(f"attachments may have {MAX_ATTACHMENTS} bytes; send a link instead")
        return self

    @classmethod
    def owner(cls) -> str:
        """The feature that the class belongs to."""
        return owner_of(cls.__module__) or cls.__module__.rpartition(".")[2]

    @classmethod
    def template(cls) -> str:
        """The name of the template: that of the class, in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def key(cls) -> str:
        """The name of the mail in the database and in the preview: `feature.template`."""
        return f"{cls.owner()}.{cls.template()}"

    @classmethod
    def sample(cls) -> Self:
        """A mail made of the examples of its fields.

        Raises:
            ValidationError: a required field has no example.
        """
        examples: dict[str, Any] = {
            name: field.examples[0] for name, field in cls.model_fields.items() if field.examples
        }
        return cls.model_validate(examples)


def _is_hidden(annotation: Any, seen: frozenset[type] = frozenset()) -> bool:
    """Whether a value, or a part of it, is not in the JSON of its model."""
    if not isinstance(annotation, type):
        parts = (get_origin(annotation), *get_args(annotation))
        return any(_is_hidden(each, seen) for each in parts if each is not None)
    if issubclass(annotation, BaseModel) and annotation not in seen:
        return any(
            field.exclude or _is_hidden(field.annotation, seen | {annotation})
            for field in annotation.model_fields.values()
        )
    return issubclass(annotation, (Secret, SecretBytes, SecretStr))


class PreferenceRead(ResponseModel):
    """Whether a user gets the mails of a category."""

    category: str
    label: str
    wanted: bool


class PreferenceUpdate(BaseModel):
    """The choice for one category."""

    wanted: bool
