"""How many attempts to sign in to the pages, and to enter a second factor, are allowed."""

from app.core.auth.attempts import AttemptLimit

PER_ACCOUNT = 10
PER_ADDRESS = 60

# Codes of second factors count by themselves: whoever knows the password could reset the others.
FACTOR = AttemptLimit("session-factor", per_account=PER_ACCOUNT, per_address=PER_ADDRESS)

# A passkey is no guess, and does not name an account before it is checked: addresses count alone.
PASSKEY = AttemptLimit("session-passkey", per_account=PER_ADDRESS, per_address=PER_ADDRESS)

_LIMIT = AttemptLimit("session", per_account=PER_ACCOUNT, per_address=PER_ADDRESS)
count, reset = _LIMIT.count, _LIMIT.reset
