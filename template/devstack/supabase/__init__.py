"""A local Supabase: the parts of Auth and Storage that the real clients use, over real HTTP.

Real ES256 tokens, a key set that rotates, the platform's wire format. No mail leaves the machine:
`/mails` shows them, and a sign-up with a password is confirmed at once. For `app dev` and tests
only. Routes stand in `routes/`, one file per subject; the rules beside it.
"""

from devstack.supabase.server import LocalSupabase

__all__ = ["LocalSupabase"]
