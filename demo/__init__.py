"""The demonstration: small invented corpora for the real workflow."""
