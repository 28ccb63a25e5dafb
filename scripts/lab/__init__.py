"""Rebuilds the built-in lab model from public packages; see README, "The lab model"."""
