"""The report: one HTML file with tables, figures, training curves, marked texts and provenance, for reading offline."""
