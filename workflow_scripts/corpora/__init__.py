"""Text in, CoNLL out: readers of native formats, Brat standoff, splitting, tokens, silver-standard cleaning."""
