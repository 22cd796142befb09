"""The ids of the bundled ViT and ResNet that pages open with."""

VIT, RESNET = "vit-cifar10-gpu", "resnet-cifar10-gpu"
