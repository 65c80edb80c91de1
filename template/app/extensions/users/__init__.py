"""Users: who signs in, with which role, and who approves new users."""
