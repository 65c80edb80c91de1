"""Scripts that write committed files: each has a test that says the file is current."""
