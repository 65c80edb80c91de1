"""The rules of credits, by subject.

All functions take a sync session: tasks call them, and async code through `session.run_sync`. They
write and do not commit, except where they say so, and lock the account before anything else, so
that two of them never wait for each other.
"""
