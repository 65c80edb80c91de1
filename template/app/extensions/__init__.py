"""The template's features: users, tasks and the chosen options. An update may change them."""
