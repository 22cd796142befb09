"""The queue: who trains what, when and on which device. No torch."""
