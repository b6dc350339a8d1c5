"""Scores in, tables out: the collection of all runs' scores, and the tables of the paper beside its own numbers."""
