"""A page that shows workers and tasks: Flower, behind a password and for looking only."""
