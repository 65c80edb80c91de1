"""`python -m app`: the command line where the script `app` is not installed."""

from app.cli import main

main()
