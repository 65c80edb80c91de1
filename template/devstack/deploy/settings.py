"""`deploy.toml`: where the project is deployed to."""

import tomllib
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as validator

from app.core.cli.errors import CliError

FILE = "deploy.toml"
EXAMPLE = 'host = "root@203.0.113.7"\ndomain = "api.example.com"'

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,15}$")]
User = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
Absolute = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]+$")]


class DeploySettings(BaseModel):
    """The content of `deploy.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.@:-]*$")]
    domain: Annotated[str, StringConstraints(pattern=r"^(https?://)?[A-Za-z0-9.-]+(:\d+)?$")]
    name: Name = Field(default="app", description="Prefix of the units, and the user of processes")
    folder: Absolute = Field(default="", validate_default=False, description="/srv/NAME")
    user: User = Field(
        default="", validate_default=False, description="User of the processes; the name by default"
    )
    sudo: bool = Field(default=False, description="If the user of `host` is not root")
    ssh_options: list[str] = Field(default=[], description='Such as ["-p", "2222"]')
    backup: bool = Field(default=True, description="Back up before migrations")
    keep: int = Field(default=5, ge=2, description="Releases, and backups, that stay")
    health_seconds: float = Field(default=60, gt=0, description="Until new processes must work")
    watch_seconds: float = Field(default=10, ge=0, description="Between switch and drain")
    root: str = Field(default="/", description="Folder that replaces /, for tests")

    @validator(mode="before")
    @classmethod
    def _fill(cls, values: dict[str, object]) -> dict[str, object]:
        name = values.get("name", "app")
        return {"folder": f"/srv/{name}", "user": name, **values}

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the file of a project.

        Raises:
            CliError: there is none, or it is wrong.
        """
        path = folder / FILE
        try:
            return cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            raise CliError(f"There is no {FILE}. Write one, such as:\n{EXAMPLE}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CliError(f"{FILE}: {error}.") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise CliError(f"{FILE}, {where}: {first['msg']}.") from None
