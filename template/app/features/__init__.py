"""Yours: one package for each subject. An update of the template never touches this folder."""
