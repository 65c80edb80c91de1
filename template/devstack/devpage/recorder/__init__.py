"""Records what a process does, for the development page.

`EXTRA_FEATURES` names this package, so core's loader takes its modules like those of a feature. It
must never slow down or fail what it records.
"""
