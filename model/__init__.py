"""The LSTM-CRF tagger of Giorgi and Bader (2018): CoNLL files in, predictions and scores out.

Knows nothing of Snakemake, of native corpus formats or of tables. `model.runs` holds the call that trains.
"""
