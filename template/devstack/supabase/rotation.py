"""Rotation of signing keys, by the rules of the platform's management API."""

from devstack.supabase.errors import AuthError
from devstack.supabase.keys import IN_USE, PREVIOUSLY_USED, REVOKED, STANDBY, STATES, SigningKey
from devstack.supabase.store import Store


def add_standby(store: Store, algorithm: str = "ES256") -> SigningKey:
    """Publish a new key that signs no token yet.

    Raises:
        AuthError: there is already a standby key, or the algorithm is not ES256 or RS256.
    """
    if algorithm not in ("ES256", "RS256"):
        raise AuthError(400, "validation_failed", "algorithm must be ES256 or RS256")
    with store.change():
        if any(key.status == STANDBY for key in store.keys):
            raise AuthError(422, "conflict", "There is already a standby key")
        key = SigningKey.create(algorithm, STANDBY)
        store.keys.append(key)
    return key


def set_status(store: Store, kid: str, status: str) -> SigningKey:
    """Change the state of a key; a key that comes into use replaces the key in use.

    Raises:
        AuthError: there is no such key or state, or no key in use would remain.
    """
    if status not in STATES:
        raise AuthError(400, "validation_failed", f"status must be one of {', '.join(STATES)}")
    with store.change():
        key = next((key for key in store.keys if key.kid == kid), None)
        if key is None:
            raise AuthError(404, "not_found", "There is no such signing key")
        if status == IN_USE and key.status == REVOKED:
            raise AuthError(422, "conflict", "Make the revoked key a standby key first")
        if status == IN_USE:
            store.signing_key.status = PREVIOUSLY_USED
        elif key.status == IN_USE:
            raise AuthError(422, "conflict", "Set another key to in_use first")
        key.status = status
    return key
