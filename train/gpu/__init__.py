"""The sparse training pass in Triton kernels, for CUDA devices.

Nothing outside imports its modules at the top: Triton may be missing. `passes` does where it pays.
"""
