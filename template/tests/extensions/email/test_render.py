"""What a reader of a mail sees."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, Secret, SecretStr, ValidationError, create_model

from app.extensions.email.catalog import catalog
from app.extensions.email.preview import preview_page, sample
from app.extensions.email.render import message, render
from app.extensions.email.schemas import MAX_ATTACHMENTS, Attachment, Mail, normalize
from tests.extensions.email.conftest import Configure
from tests.extensions.email.shop import news, shipped


def sent(mail: Mail) -> bytes:
    built = message(
        render(mail),
        mail,
        sent_to=mail.recipients,
        message_id="1@example.org",
        date=datetime(2026, 11, 29, tzinfo=UTC),
    )
    return built.as_bytes()


@pytest.mark.parametrize("key", list(catalog()))
def test_every_mail_has_an_example(key: str) -> None:
    content = sample(catalog()[key])
    assert content.subject
    assert len(content.html.encode()) < 100_000
    for text in (content.subject, content.html, content.text):
        assert "{{" not in text
        assert "{%" not in text


def test_values_are_escaped_in_html_only() -> None:
    content = render(shipped(name="<b>O'Neil & Co</b>", items=["<script>", "2"]))
    assert "<b>O'Neil" not in content.html
    assert "&lt;script&gt;" in content.html
    assert "<b>O'Neil & Co</b>" in content.text
    assert content.subject == "<b>O'Neil & Co</b>, your order is on its way"


@pytest.mark.parametrize("name", ["Ada\r\nBcc: eve@example.com", "Ada\nX: y", "Ada\x00\x0b\u2028Z"])
def test_a_value_cannot_begin_a_header(name: str) -> None:
    parsed = message_from_bytes(sent(shipped(name=name)), policy=policy.default)
    assert "Bcc" not in parsed
    assert "X" not in parsed
    assert parsed["Subject"].startswith("Ada ")
    assert parsed["Subject"].endswith("your order is on its way")


def test_a_link_must_be_one() -> None:
    with pytest.raises(ValidationError):
        shipped(link="javascript:alert(1)")


def test_names_and_subjects_in_any_script() -> None:
    raw = sent(shipped(name="Ærøskøbing 日本 🚚"))
    assert raw.partition(b"\r\n\r\n")[0].isascii()
    parsed = message_from_bytes(raw, policy=policy.default)
    assert parsed["Subject"] == "Ærøskøbing 日本 🚚, your order is on its way"
    body = parsed.get_body(("plain",))
    assert body is not None
    assert "Dear Ærøskøbing 日本 🚚," in body.get_content()


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("user@bücher.example", "user@xn--bcher-kva.example"),
        ("grüße@bücher.example", "grüße@xn--bcher-kva.example"),
        ("ada@faß.example", "ada@xn--fa-hia.example"),  # and not fass.example
        ("ada@example.com.", "ada@example.com"),
        ("a+b@corp.local", "a+b@corp.local"),
    ],
)
def test_addresses_are_normalized(given: str, stored: str) -> None:
    assert normalize(given) == stored


@pytest.mark.parametrize(
    "address",
    [
        *("", "ada", "@example.com", "ada@", "a@b@c", "a b@example.com", "a\n@example.com"),
        *(
            "a@b..c",
            "a@.",
            f"a@{'b' * 64}.c",
            "a@☃.example",
            "Ada <ada@example.com>",
            "a@example.com,b@example.com",
        ),
        "a@example.com\r\nBcc: b@example.com",
    ],
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValidationError):
        shipped(to=address)


def test_attachments_are_checked_and_sent() -> None:
    content = bytes(range(256))
    mail = shipped(attachments=[Attachment.of("Rechnung für Ada.pdf", "application/pdf", content)])
    again = type(mail).model_validate_json(mail.model_dump_json())
    (part,) = message_from_bytes(sent(again), policy=policy.default).iter_attachments()
    assert part.get_filename() == "Rechnung für Ada.pdf"
    assert part.get_payload(decode=True) == content
    with pytest.raises(ValidationError):
        shipped(attachments=[Attachment.of("big", "text/plain", b"x" * (MAX_ATTACHMENTS + 1))])
    with pytest.raises(ValidationError):
        Attachment.of("../../etc/passwd", "text/plain", b"")


def test_a_mail_that_one_can_switch_off_has_one_recipient() -> None:
    with pytest.raises(ValidationError):
        news(to=("a@example.com", "b@example.com"))  # type: ignore[arg-type]


class Inner(BaseModel):
    """A part of a mail, with parts of its own kind."""

    parts: list["Inner"] = Field(default_factory=list)
    password: SecretStr | None = None


@pytest.mark.parametrize(
    "annotation",
    [
        *(SecretStr, Secret[int], list[SecretStr | None], tuple[Inner, ...]),
        Annotated[str, Field(exclude=True)],
    ],
)
def test_a_field_that_cannot_be_stored_is_refused(annotation: Any) -> None:
    """The mail would have stars in its place, or fail."""
    with pytest.raises(TypeError, match=r"Wrong\.code.*secret"):
        create_model("Wrong", __base__=Mail, code=(annotation, ...))


def test_the_preview_shows_every_mail(configure: Configure) -> None:
    configure(inbox_url="http://127.0.0.1:8025")
    page = preview_page()
    for key in catalog():
        assert page.count(f'title="{key} on a') == 2
    assert "http://127.0.0.1:8025" in page
    assert "<script" not in page
