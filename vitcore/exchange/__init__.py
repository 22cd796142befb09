"""What leaves and enters: zip files, folders, ONNX, published checkpoints."""
