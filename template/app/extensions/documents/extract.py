"""The text of a file, by a program of its own: `python -m app.extensions.documents.extract`.

Files come from strangers, and what reads them may loop, swell or crash. It is started by `reading`
with limits on memory and time, and knows neither settings nor keys.
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

UNPACKED = 300 << 20  # bytes that a DOCX may have once it is unpacked
MAX_PAGES = 10_000

# Control characters but tab and line ends, lone surrogates, and what is no character. Postgres
# refuses some of them, and a search marks its finds with two of the others.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


class ExtractError(Exception):
    """The file cannot be read; the text is told to its owner."""


def extract(path: Path, media_type: str) -> Iterator[Section]:
    """Yield the sections of a file that hold text.

    Raises:
        ExtractError: it is not what it was announced as, is broken, encrypted or too large.
    """
    if media_type not in READERS:
        raise ExtractError(f"Files of type {media_type} are not read.")
    found = _kind(path)
    if found != (media_type if media_type in (PDF, DOCX) else TEXT):
        raise ExtractError(
            f"The file was announced as {media_type} and is {_NAMES.get(found, found)}."
        )
    for section in READERS[media_type](path):
        if text := _UNWANTED.sub("", section.text).strip():
            yield Section(text, section.page)


def _kind(path: Path) -> str:
    """What a file is by its content: PDF, DOCX, TEXT, or another one's name."""
    with path.open("rb") as file:
        head = file.read(4096)
    # Readers of PDF look for its mark in the first 1024 bytes, as Acrobat does.
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
    "binary": "neither text nor a known kind of file",
    TEXT: "plain text",
    PDF: "a PDF",
    DOCX: "a DOCX",
}


def _pdf(path: Path) -> Iterator[Section]:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(path)
        # Many are encrypted with an empty password, only so as to forbid printing.
        if reader.is_encrypted and not reader.decrypt(""):
            raise ExtractError("The PDF is encrypted: remove its password and upload it again.")
        if len(reader.pages) > MAX_PAGES:
            raise ExtractError(f"The PDF has more than {MAX_PAGES} pages.")
        for number, page in enumerate(reader.pages, start=1):
            yield Section(page.extract_text(), number)
    except ExtractError:
        raise
    # Broken files find their way past what the library foresees.
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ExtractError("The PDF is broken and cannot be read.") from error


def _docx(path: Path) -> Iterator[Section]:
    with zipfile.ZipFile(path) as archive:
        # No part yields more than it declares: `zipfile` stops reading there.
        if sum(part.file_size for part in archive.infolist()) > UNPACKED:
            raise ExtractError(f"The DOCX has more than {UNPACKED >> 20} MiB once it is unpacked.")
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
        raise ExtractError("The DOCX is broken and cannot be read.") from error


def _html(path: Path) -> Iterator[Section]:
    yield Section(_visible(_decoded(path)))


def _markdown(path: Path) -> Iterator[Section]:
    from markdown_it import MarkdownIt

    yield Section(_visible(MarkdownIt("commonmark").enable("table").render(_decoded(path))))


def _plain(path: Path) -> Iterator[Section]:
    yield Section(_decoded(path))


def _visible(html: str) -> str:
    import html_text

    return html_text.extract_text(html)


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    found = from_bytes(data).best()
    if found is None:
        raise ExtractError("The text is in no encoding that is known: save it as UTF-8.")
    return str(found)


READERS: dict[str, Callable[[Path], Iterator[Section]]] = {
    PDF: _pdf,
    DOCX: _docx,
    HTML: _html,
    MARKDOWN: _markdown,
    TEXT: _plain,
}


def main(source: str, media_type: str, target: str) -> None:
    """Write the sections to `target`, each a line of JSON; the last may say why it ends."""
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
