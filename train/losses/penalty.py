"""The penalty of L1 crosscoders: activation times decoder norm, which no rescaling changes."""

from torch import Tensor


def penalty(f_mean: Tensor, norm_sum: Tensor) -> Tensor:
    """mean_t Σ_j f_j Σ_m ‖d_j^m‖ (Lindsey et al. 2024).

    Args:
        f_mean: mean over tokens of each latent's activation [latent].
        norm_sum: Σ_m ‖d_j^m‖ [latent], with its gradient.
    """
    return f_mean @ norm_sum
