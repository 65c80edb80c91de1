"""Scripts that write committed files. A test of each fails as long as a file is not current."""
