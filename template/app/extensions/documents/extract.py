"""Extracts the text of a file, as a program: `python -m app.extensions.documents.extract`.

Uploaded files are not trusted: a parser may loop, use too much memory or crash. `sandbox` runs this
program with limits on memory and time. It has no access to settings or keys.

The parsers are imported in the functions that use them: the process reads one file, and imports
take a large part of its time.
"""

import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from app.extensions.documents.chunking import Section

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"

MAX_UNPACKED = 300 << 20  # bytes of an unpacked DOCX
MAX_PAGES = 10_000

# Control characters except tab and line ends, lone surrogates, and noncharacters. Postgres rejects
# some of them, and a search marks its hits with two others.
_REMOVED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


class ExtractError(Exception):
    """The file cannot be read. The owner of the document sees the message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def extract(path: Path, media_type: str) -> Iterator[Section]:
    """Yield the sections of a file that contain text.

    Raises:
        ExtractError: the file has another type than announced, is broken, encrypted or too large.
    """
    if media_type not in READERS:
        raise ExtractError("unsupported_type", f"Files of type {media_type} are not supported.")
    detected = _detect_type(path)
    if detected != (media_type if media_type in (PDF, DOCX) else TEXT):
        raise ExtractError(
            "wrong_type", f"The file was announced as {media_type}, but it is {_NAMES[detected]}."
        )
    for section in READERS[media_type](path):
        if text := _REMOVED.sub("", section.text).strip():
            yield Section(text, section.page)


def _detect_type(path: Path) -> str:
    """Detect the type of a file by its content: PDF, DOCX, TEXT, "zip" or "binary"."""
    with path.open("rb") as file:
        head = file.read(4096)
    # The signature may be anywhere in the first 1024 bytes, as in Acrobat.
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(path) as archive:
                return DOCX if "word/document.xml" in archive.namelist() else "zip"
        except (zipfile.BadZipFile, OSError, ValueError):
            return "zip"
    if b"\x00" in head and not head.startswith(_UTF16):
        return "binary"
    return TEXT


_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NAMES = {
    "zip": "a ZIP archive, or a broken Office file",
    "binary": "neither text nor of a known type",
    TEXT: "plain text",
    PDF: "a PDF",
    DOCX: "a DOCX",
}


def _pdf(path: Path) -> Iterator[Section]:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(path)
        # Many PDFs are encrypted with an empty password, only to forbid printing.
        if reader.is_encrypted and not reader.decrypt(""):
            raise ExtractError(
                "encrypted", "The PDF is encrypted. Remove its password and upload it again."
            )
        if len(reader.pages) > MAX_PAGES:
            raise ExtractError("too_large", f"The PDF has more than {MAX_PAGES} pages.")
        for number, page in enumerate(reader.pages, start=1):
            yield Section(page.extract_text(), number)
    except ExtractError:
        raise
    # Broken files cause more exceptions than the library documents.
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ExtractError("broken", "The PDF is broken and cannot be read.") from error


def _docx(path: Path) -> Iterator[Section]:
    with zipfile.ZipFile(path) as archive:
        # The declared sizes are reliable: `zipfile` does not read more from a part.
        if sum(part.file_size for part in archive.infolist()) > MAX_UNPACKED:
            raise ExtractError(
                "too_large", f"The DOCX has more than {MAX_UNPACKED >> 20} MiB when it is unpacked."
            )
    import docx
    from docx.opc.exceptions import OpcError
    from docx.table import Table

    try:
        document = docx.Document(str(path))
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                rows = (" | ".join(cell.text for cell in row.cells) for row in block.rows)
                yield Section("\n\n".join(rows))
            else:
                yield Section(block.text)
    except (OpcError, SyntaxError, zipfile.BadZipFile, ValueError, KeyError) as error:
        raise ExtractError("broken", "The DOCX is broken and cannot be read.") from error


def _html(path: Path) -> Iterator[Section]:
    yield Section(_html_to_text(_decode(path)))


def _markdown(path: Path) -> Iterator[Section]:
    from markdown_it import MarkdownIt

    yield Section(_html_to_text(MarkdownIt("commonmark").enable("table").render(_decode(path))))


def _plain(path: Path) -> Iterator[Section]:
    yield Section(_decode(path))


def _html_to_text(html: str) -> str:
    import html_text

    return html_text.extract_text(html)


def _decode(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    found = from_bytes(data).best()
    if found is None:
        raise ExtractError(
            "unknown_encoding", "The encoding of the text is not known. Save it as UTF-8."
        )
    return str(found)


READERS: dict[str, Callable[[Path], Iterator[Section]]] = {
    PDF: _pdf,
    DOCX: _docx,
    HTML: _html,
    MARKDOWN: _markdown,
    TEXT: _plain,
}


def main(source: str, media_type: str, target: str) -> None:
    """Write each section as a line of JSON to `target`; the last line may be an error."""
    with Path(target).open("w", encoding="utf-8") as file:
        try:
            file.writelines(
                json.dumps({"text": section.text, "page": section.page}) + "\n"
                for section in extract(Path(source), media_type)
            )
        except ExtractError as error:
            file.write(json.dumps({"error": str(error)}) + "\n")
        except RecursionError:
            file.write(json.dumps({"error": "The file is nested too deeply."}) + "\n")
        except MemoryError:
            file.write(json.dumps({"error": "The file takes too much memory to read."}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
