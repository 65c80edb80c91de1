"""Helpers of the repository's tests, one module per subject."""
