"""Analyses of trained models: functions from a model and images to tensors.

Nothing here draws figures, and no hooks remain on the models.
"""
