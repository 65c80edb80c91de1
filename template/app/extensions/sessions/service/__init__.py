"""The rules of sessions.

`browser` knows the cookie, `store` keeps sessions in Redis, `pending` keeps sign-ins that lack the
second factor, `enrolments` keeps authenticator apps that are being added, `auth`, `factors` and
`passkeys` ask Supabase Auth, and `attempts` limits who guesses. `life` starts, continues and ends a
session with them; `credentials` changes what a person proves.
"""
