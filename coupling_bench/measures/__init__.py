"""Measures: equations on observations, with unit and citation. Seeds are the first axis."""
