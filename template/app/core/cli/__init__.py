"""The command line of the machinery; features add groups of their own."""
