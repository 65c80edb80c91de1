"""How signing keys follow one another, by the rules of the platform's management API."""

from devstack.supabase.errors import AuthError
from devstack.supabase.keys import IN_USE, PREVIOUSLY_USED, REVOKED, STANDBY, STATES, SigningKey
from devstack.supabase.store import Store


def add_standby(store: Store, algorithm: str = "ES256") -> SigningKey:
    """Publish a new key that signs nothing yet.

    Raises:
        AuthError: there is one already, or the algorithm is not one of ES256 and RS256.
    """
    if algorithm not in ("ES256", "RS256"):
        raise AuthError(400, "validation_failed", "algorithm must be ES256 or RS256")
    with store.change():
        if any(key.status == STANDBY for key in store.keys):
            raise AuthError(422, "conflict", "There is a standby key already")
        key = SigningKey.create(algorithm, STANDBY)
        store.keys.append(key)
    return key


def set_status(store: Store, kid: str, status: str) -> SigningKey:
    """Move a key to another state; a key that comes into use replaces the one in use.

    Raises:
        AuthError: there is no such key or state, or nothing would be left to sign with.
    """
    if status not in STATES:
        raise AuthError(400, "validation_failed", f"status must be one of {', '.join(STATES)}")
    with store.change():
        key = next((key for key in store.keys if key.kid == kid), None)
        if key is None:
            raise AuthError(404, "not_found", "There is no such signing key")
        if status == IN_USE and key.status == REVOKED:
            raise AuthError(422, "conflict", "A revoked key becomes a standby key first")
        if status == IN_USE:
            store.signing_key.status = PREVIOUSLY_USED
        elif key.status == IN_USE:
            raise AuthError(422, "conflict", "Take another key into use first")
        key.status = status
    return key
