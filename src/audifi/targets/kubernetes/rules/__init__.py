"""Judge a rendered set by what no schema can know: names that meet, numbers that fit, habits of pods.

Between: lint.py (asks every rule) and reading.py (what a rule looks at).
Shape: one module per noun, each with RULES; `rule.py` says what a rule is.
"""
