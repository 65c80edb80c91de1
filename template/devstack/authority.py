"""The certificate authority of `app dev --https`: one for all projects of a user.

Caddy makes it, and the certificates that it signs. It does not start with broken files, and it
keeps an authority that has expired, so such files are deleted before it starts.
"""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from devstack.errors import DevStackError

NAME = "local"  # as Caddy calls its own
ROOT, INTERMEDIATE = "root", "intermediate"


def data_folder() -> Path:
    """Return the folder for what all projects of a user share."""
    given = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(given) / "app-dev"


def certificate(folder: Path) -> Path:
    """Return the file that browsers have to trust."""
    return _authority(folder) / f"{ROOT}.crt"


def prepare(host: str) -> Path:
    """Return the folder for Caddy, without what it could not use for `host`.

    Raises:
        DevStackError: the folder cannot be used.
    """
    folder = data_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It takes milliseconds to sign another one.
        shutil.rmtree(folder / "certificates" / NAME / host, ignore_errors=True)
        found = _authority(folder)
        if found.exists() and not _is_valid(found, ROOT, issuer=ROOT):
            shutil.rmtree(found)
        elif found.exists() and not _is_valid(found, INTERMEDIATE, issuer=ROOT):
            for path in found.glob(f"{INTERMEDIATE}.*"):
                path.unlink()
    except OSError as error:
        raise DevStackError(
            f"{error.filename or folder}: {error.strerror}. --https keeps its authority there; "
            "XDG_DATA_HOME names another place."
        ) from None
    return folder


def _authority(folder: Path) -> Path:
    return folder / "pki/authorities" / NAME


def _is_valid(folder: Path, name: str, *, issuer: str) -> bool:
    """Return whether a certificate can be used, has its key, and is signed by the issuer."""
    try:
        found, signer = (
            x509.load_pem_x509_certificate((folder / f"{each}.crt").read_bytes())
            for each in (name, issuer)
        )
        key = load_pem_private_key((folder / f"{name}.key").read_bytes(), password=None)
        found.verify_directly_issued_by(signer)
    except (FileNotFoundError, ValueError, TypeError, InvalidSignature):
        return False
    has_begun = found.not_valid_before_utc <= datetime.now(UTC)
    is_over = found.not_valid_after_utc <= datetime.now(UTC)
    return has_begun and not is_over and key.public_key() == found.public_key()
