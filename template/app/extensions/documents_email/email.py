"""The mails of this feature."""

from typing import ClassVar

from pydantic import Field

from app.extensions.email.schemas import Category, Mail

DOCUMENTS = Category("documents", "Documents that are ready or have failed", on_by_default=False)


class DocumentReady(Mail):
    """Tells that a document can be searched."""

    category: ClassVar = DOCUMENTS

    name: str = Field(examples=["Handbook.pdf"])


class DocumentFailed(Mail):
    """Tells that a document could not be processed."""

    category: ClassVar = DOCUMENTS

    name: str = Field(examples=["Handbook.pdf"])
    reason: str = Field(examples=["It has no text."])
