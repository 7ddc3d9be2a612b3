"""What the model does differently on a CUDA device: Triton kernels, each with a twin in torch, checked at the start."""
