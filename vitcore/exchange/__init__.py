"""Import and export: zip files, folders, ONNX, checkpoints from elsewhere."""
