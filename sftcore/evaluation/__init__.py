"""Predict, score with intervals, compare with baselines, look at mistakes."""
