"""Readers of native formats: each gives the documents of a source with all their labels, one at a time."""

from collections.abc import Mapping

# Format: module here, and its function. This list alone moves no result: a rule names the reader that it uses.
PLACES: Mapping[str, tuple[str, str]] = {
    "azdc": ("azdc", "read"),
    "bc2gm": ("bc2gm", "read"),
    "bioc": ("bioc", "read"),
    "bioinfer": ("bioinfer", "read"),
    "biosemantics": ("biosemantics", "read"),
    "brat": ("brat", "read"),
    "chemdner": ("chemdner", "read"),
    "conll": ("conll", "read"),
    "deca": ("tables", "read_deca"),
    "iexml": ("iexml", "read"),
    "linnaeus": ("tables", "read_linnaeus"),
    "mirna": ("ppi_xml", "read_mirna"),
    "mmax": ("mmax", "read"),
    "ppi_xml": ("ppi_xml", "read"),
    "pubannotation": ("pubannotation", "read"),
    "pubtator": ("pubtator", "read"),
    "s800": ("tables", "read_s800"),
    "tagtog": ("tagtog", "read"),
    "variome": ("bioc", "read_variome"),
}
