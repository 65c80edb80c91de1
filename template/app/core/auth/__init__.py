"""Who calls: access tokens of Supabase Auth, the keys they are verified with, and dependencies."""
