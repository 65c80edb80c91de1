"""Access tokens of Supabase Auth: the keys, the verification, and the dependencies of routes."""
