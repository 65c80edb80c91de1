"""Things that a user owns: the sample to read first, and to replace by your own."""
