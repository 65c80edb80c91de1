"""Links of this feature on the home page."""

LINKS = {"E-mails with sample data": "/dev/emails"}
