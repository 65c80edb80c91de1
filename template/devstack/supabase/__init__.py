"""A local Supabase: the part of its Auth that a backend and a browser app use, over real HTTP.

Real ES256 tokens, a key set, the wire format of Supabase Auth; no mail is sent, so every sign-up is
confirmed at once. For `app dev` and tests only. Routes stand in `routes/`, one file per subject.
"""

from devstack.supabase.server import LocalSupabase

__all__ = ["LocalSupabase"]
