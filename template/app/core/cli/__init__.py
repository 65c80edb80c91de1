"""The commands of core. Features add groups of their own."""
