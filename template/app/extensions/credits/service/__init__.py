"""The rules of credits, one module for each subject.

All functions take a sync session; async code calls them through `session.run_sync`. They do not
commit unless their docstring says so. Each locks the account before any other row, so that
concurrent transactions do not deadlock.
"""
