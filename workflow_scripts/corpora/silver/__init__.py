"""The silver-standard corpus of a class: a random sample without gold documents and noisy mentions (section 2.3).

``sampling`` draws the documents, ``exclusion`` and ``near_duplicates`` find those that a gold corpus of the class
holds, ``blacklist`` names the mentions that are noise, and ``cleaning`` does all of it and writes what is left.
"""
