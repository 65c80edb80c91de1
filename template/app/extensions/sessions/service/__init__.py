"""The rules of sessions.

`browser` knows the cookie, `csrf` checks who has sent a request, `store` keeps sessions in Redis,
`pending` keeps sign-ins that lack the second factor, `auth` and `factors` ask Supabase Auth, and
`attempts` limits who guesses. `life` starts, continues and ends a session with them.
"""
