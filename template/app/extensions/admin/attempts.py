"""How many attempts to sign in to the site are allowed."""

from app.core.auth.attempts import AttemptLimit

PER_ACCOUNT = 5
PER_ADDRESS = 30

_LIMIT = AttemptLimit("admin", per_account=PER_ACCOUNT, per_address=PER_ADDRESS)
count, reset = _LIMIT.count, _LIMIT.reset
