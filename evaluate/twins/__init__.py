"""Twins: a latent of A only and one of B only that point the same way; do they fire alike?"""

from xc.evaluate.twins.divergence import KIND as TWINS
from xc.evaluate.twins.find import Twins, find_twins

__all__ = ["TWINS", "Twins", "find_twins"]
