"""Import and export: zip files, folders, ONNX, published checkpoints."""
