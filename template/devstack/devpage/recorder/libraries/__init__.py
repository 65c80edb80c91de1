"""One module for each library whose calls are recorded; each has `install()`."""
