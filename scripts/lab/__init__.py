"""Rebuilds the built-in lab model from public packages; see docs/explanation/lab-model.md."""
