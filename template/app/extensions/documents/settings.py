"""Settings of this feature, `DOCUMENTS_…` in the environment."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Self

from pydantic import Field, SecretStr, model_validator

from app.core.settings import FeatureSettings

OPENAI = "https://api.openai.com/v1"


class Provider(StrEnum):
    """The providers of embeddings."""

    OFFLINE = "offline"
    OPENAI = "openai"
    LOCAL = "local"


class DocumentSettings(FeatureSettings, env_prefix="DOCUMENTS_"):
    """Splitting and embedding of documents, and the language model for questions."""

    embedding_provider: Provider | None = Field(
        default=None,
        description="openai (any server with this API), local (a model on this disk) or offline "
        "(compares words and parts of words). Default: offline; required online.",
    )
    embedding_model: str = Field(
        default="text-embedding-3-small",
        pattern=r"^[\w./@-]{1,150}$",
        description="Name of the model or deployment; for local, the folder of the model.",
    )
    embedding_dimensions: int = Field(
        default=512, ge=8, le=4000, description="Dimensions of the vectors of this model."
    )
    embedding_base_url: str = Field(
        default=OPENAI,
        pattern=r"^https?://",
        description="Base URL of `/embeddings`; for Azure the URL of the deployment with "
        "?api-version=.",
    )
    embedding_api_key: SecretStr | None = Field(
        default=None, description="Key for this URL, if the server requires one."
    )
    embedding_requests_per_minute: int | None = Field(
        default=None, ge=1, description="Most requests per minute, of all workers together."
    )

    chat_base_url: str = Field(
        default=OPENAI, pattern=r"^https?://", description="Base URL of `/chat/completions`."
    )
    chat_api_key: SecretStr | None = Field(
        default=None, description="Key for this URL; without it, questions are not answered."
    )
    chat_model: str | None = Field(
        default=None, min_length=1, description="Model that answers questions."
    )

    chunk_tokens: int = Field(
        default=300, ge=20, le=2000, description="Approximate size of a chunk, in tokens."
    )
    chunk_overlap: int = Field(
        default=40, ge=0, le=500, description="Tokens that a chunk repeats of the chunk before."
    )
    max_chunks: int = Field(default=5000, ge=1, le=50_000, description="Most chunks of a document.")
    read_seconds: int = Field(
        default=120, ge=1, description="Most CPU time for reading a file, in seconds."
    )
    read_megabytes: int = Field(
        default=1024, ge=256, description="Most memory for reading a file, in MiB."
    )
    upload_hours: int = Field(
        default=24, ge=3, description="Hours after which an abandoned upload is deleted."
    )

    @model_validator(mode="after")
    def _overlap_is_smaller(self) -> Self:
        if self.chunk_overlap * 2 > self.chunk_tokens:
            raise ValueError("DOCUMENTS_CHUNK_OVERLAP must be at most half of CHUNK_TOKENS")
        return self

    @property
    def provider(self) -> Provider:
        """The provider, by default the offline one."""
        return self.embedding_provider or Provider.OFFLINE

    def production_problems(self) -> Iterator[tuple[str, str]]:
        """See `SettingsGroup.production_problems`."""
        yield from super().production_problems()
        if self.embedding_provider is None:
            yield (
                "DOCUMENTS_EMBEDDING_PROVIDER",
                "must be set to openai or local online; offline does not search by meaning.",
            )


SETTINGS = DocumentSettings
