"""What a trained model does: model and images in, tensors out. Nothing here draws, and no hooks are left on
models.
"""
