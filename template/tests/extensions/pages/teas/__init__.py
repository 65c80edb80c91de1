"""Teas, a feature for the tests of pages."""
