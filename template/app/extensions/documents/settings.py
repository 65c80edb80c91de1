"""Settings of this feature, `DOCUMENTS_…` in the environment."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Self

from pydantic import Field, SecretStr, model_validator

from app.core.settings import FeatureSettings

OPENAI = "https://api.openai.com/v1"


class Provider(StrEnum):
    """Who turns texts into vectors."""

    OFFLINE = "offline"
    OPENAI = "openai"
    LOCAL = "local"


class DocumentSettings(FeatureSettings, env_prefix="DOCUMENTS_"):
    """How documents are split and embedded, and who answers questions about them."""

    embedding_provider: Provider | None = Field(
        default=None,
        description="openai (any server of that interface), local (a model on this disk) or "
        "offline (shared words and parts of words, no model); default offline, to be named online.",
    )
    embedding_model: str = Field(
        default="text-embedding-3-small",
        pattern=r"^[\w./@-]{1,150}$",
        description="Name of the model or deployment; for local, its folder.",
    )
    embedding_dimensions: int = Field(
        default=512, ge=8, le=4000, description="Numbers in a vector of that model."
    )
    embedding_base_url: str = Field(
        default=OPENAI,
        pattern=r"^https?://",
        description="Where `/embeddings` is asked; of Azure the deployment's address, with "
        "?api-version=.",
    )
    embedding_api_key: SecretStr | None = Field(
        default=None, description="Key for that address; none for servers that want none."
    )
    embedding_requests_per_minute: int | None = Field(
        default=None, ge=1, description="Most requests in a minute, of all workers together."
    )

    chat_base_url: str = Field(
        default=OPENAI, pattern=r"^https?://", description="Where `/chat/completions` is asked."
    )
    chat_api_key: SecretStr | None = Field(
        default=None, description="Key for that address; without one, questions are not answered."
    )
    chat_model: str | None = Field(
        default=None, min_length=1, description="Model that answers questions."
    )

    chunk_tokens: int = Field(
        default=300, ge=20, le=2000, description="Longest part of a document, about, in tokens."
    )
    chunk_overlap: int = Field(
        default=40, ge=0, le=500, description="Tokens that a part repeats of the one before."
    )
    max_chunks: int = Field(
        default=5000, ge=1, le=50_000, description="Parts of a document above which it is refused."
    )
    read_seconds: int = Field(
        default=120, ge=1, description="Seconds of CPU that reading one file may take."
    )
    read_megabytes: int = Field(
        default=1024, ge=256, description="Memory that reading one file may take, in MiB."
    )
    upload_hours: int = Field(
        default=24, ge=3, description="Hours after which an upload that never came is forgotten."
    )

    @model_validator(mode="after")
    def _overlap_is_smaller(self) -> Self:
        if self.chunk_overlap * 2 > self.chunk_tokens:
            raise ValueError("DOCUMENTS_CHUNK_OVERLAP must be at most half of CHUNK_TOKENS")
        return self

    @property
    def provider(self) -> Provider:
        """The one named, or the offline one."""
        return self.embedding_provider or Provider.OFFLINE

    def production_problems(self) -> Iterator[tuple[str, str]]:
        """See `SettingsGroup.production_problems`."""
        yield from super().production_problems()
        if self.embedding_provider is None:
            yield (
                "DOCUMENTS_EMBEDDING_PROVIDER",
                "must be named online: openai or local; offline knows shared words alone.",
            )


SETTINGS = DocumentSettings
