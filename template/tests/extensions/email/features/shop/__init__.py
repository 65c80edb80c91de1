"""A feature with mails, for these tests."""
