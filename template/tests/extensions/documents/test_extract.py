"""Extracting text from files of all types, within the limits of the sandbox."""

import re
from pathlib import Path

import pytest

from app.core.settings import load_settings
from app.core.tasks import TaskError
from app.extensions.documents import extract, sandbox
from app.extensions.documents.extract import DOCX, HTML, MARKDOWN, PDF, TEXT
from app.extensions.documents.settings import DocumentSettings
from tests.extensions.documents.files import docx_file, encrypted_pdf, pdf, zip_bomb

SCRIPTS = {
    "utf-8-sig": "Grüße aus Köln",
    "utf-16": "Здравствуй, мир",
    "utf-8": "مرحبا بالعالم. 你好，世界。नमस्ते दुनिया। สวัสดีชาวโลก 안녕하세요 שלום עולם",
}


@pytest.fixture
def settings() -> DocumentSettings:
    settings: DocumentSettings = load_settings(DocumentSettings)
    return settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def text_of(path: Path, media_type: str) -> str:
    return "\n".join(section.text for section in extract.extract(path, media_type))


def test_pages_of_a_pdf_keep_their_numbers(path: Path) -> None:
    path.write_bytes(pdf("On the first page", "On the second"))
    sections = list(extract.extract(path, PDF))
    assert [(each.page, each.text) for each in sections] == [
        (1, "On the first page"),
        (2, "On the second"),
    ]


def test_a_pdf_that_only_forbids_printing_is_read(path: Path) -> None:
    path.write_bytes(encrypted_pdf("Open to readers", ""))
    assert text_of(path, PDF) == "Open to readers"


def test_paragraphs_and_tables_of_a_docx_come_in_order(path: Path) -> None:
    path.write_bytes(docx_file("Before", rows=(("a", "b"), ("c", "d"))))
    assert text_of(path, DOCX).split() == ["Before", "a", "|", "b", "c", "|", "d"]


def test_only_visible_text_of_html_is_extracted(path: Path) -> None:
    path.write_text(
        "<title>T</title><script>alert(1)</script><style>p{}</style><p>Fish &amp; chips</p>"
    )
    found = text_of(path, HTML)
    assert "Fish & chips" in found
    assert "alert" not in found


def test_the_markup_of_markdown_is_removed(path: Path) -> None:
    path.write_text("# Title\n\n- **bold** [link](http://x)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    found = text_of(path, MARKDOWN)
    assert "bold" in found
    assert not set(found) & set("#*[(")


@pytest.mark.parametrize("encoding", SCRIPTS)
def test_text_is_read_in_every_script(path: Path, encoding: str) -> None:
    path.write_bytes(SCRIPTS[encoding].encode(encoding))
    assert text_of(path, TEXT) == SCRIPTS[encoding]


def test_the_encoding_of_a_text_is_detected(path: Path) -> None:
    text = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 5
    path.write_bytes(text.encode("cp1251"))
    assert text_of(path, TEXT) == text.strip()


def test_control_characters_are_removed(path: Path) -> None:
    path.write_bytes(b"a\x02b\x03c\x1b[0m \xed\xa0\x80".replace(b"\xed\xa0\x80", b""))
    assert text_of(path, TEXT) == "abc[0m"


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", PDF, "wrong_type"),
        (b"just text", PDF, "wrong_type"),
        (pdf("x"), TEXT, "wrong_type"),
        (docx_file("x"), PDF, "wrong_type"),
        (b"PK\x03\x04broken", DOCX, "wrong_type"),
        (b"\x00\x01\x02", TEXT, "wrong_type"),
        (b"x", "image/png", "unsupported_type"),
        (b"%PDF-1.4\nbroken", PDF, "broken"),
        (encrypted_pdf("secret", "password"), PDF, "encrypted"),
        (docx_file("x")[:-60], DOCX, "wrong_type"),
    ],
    ids=range(10),
)
def test_a_file_of_another_type_or_a_broken_file_is_refused(
    path: Path, content: bytes, media_type: str, code: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(extract.ExtractError) as refused:
        list(extract.extract(path, media_type))
    assert refused.value.code == code


def test_a_zip_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    path.write_bytes(zip_bomb(320))
    with pytest.raises(extract.ExtractError) as refused:
        list(extract.extract(path, DOCX))
    assert refused.value.code == "too_large"


async def test_a_file_is_read_in_its_own_process(path: Path, settings: DocumentSettings) -> None:
    path.write_bytes(pdf("Far away"))
    [section] = await sandbox.extract_sections(path, PDF, settings)
    assert (section.text, section.page) == ("Far away", 1)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("while True: pass", sandbox.LIMIT_EXCEEDED),
        ("x = ' ' * (2 << 30)", sandbox.UNREADABLE),
        ("open(__import__('sys').argv[3], 'w').write('x' * (80 << 20))", sandbox.UNREADABLE),
        ("__import__('os').kill(__import__('os').getpid(), 9)", sandbox.LIMIT_EXCEEDED),
        ("assert 'SECRET_KEY' in __import__('os').environ", sandbox.UNREADABLE),
    ],
    ids=["loop", "memory", "output", "killed", "environment"],
)
async def test_a_parser_that_exceeds_a_limit_is_ended(
    path: Path,
    settings: DocumentSettings,
    program: str,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "hostile_parser.py").write_text(program)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sandbox, "PROGRAM", "hostile_parser")
    path.write_text("x")
    limited = settings.model_copy(update={"read_seconds": 2, "read_megabytes": 512})
    with pytest.raises(TaskError, match=re.escape(reason)):
        await sandbox.extract_sections(path, TEXT, limited)
