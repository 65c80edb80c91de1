"""The rules of billing; other features use `plans`, `holders` and `books`."""
