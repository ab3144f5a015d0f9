"""Heads: small linear models that judge papers from n-grams, encoder vectors and cold evidence. No language model."""
