"""The rules of sessions.

`browser` knows the cookie, `store` keeps sessions in Redis, `auth` asks Supabase Auth, `attempts`
limits who guesses passwords, and `life` starts, continues and ends a session with all of them.
"""
