"""A feature for the tests of the development page: what developers do wrong."""
