"""Tests of a template: `pytest -p launcher.testing.plugin --template FOLDER`."""
