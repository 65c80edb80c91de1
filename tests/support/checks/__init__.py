"""What the tests check in a rendered project: its files, their linters, its dependencies."""
