"""LoRA training: configuration, data set, noise and loss, the network, the loop, its child process."""
