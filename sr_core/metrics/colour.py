"""Conversion of sRGB to CIELAB, and the CIEDE2000 colour difference."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
"""Matrix from linear sRGB to XYZ (D65). Source: IEC 61966-2-1."""


def srgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB to CIELAB. The white point is the colour (1, 1, 1), so that grey has a = b = 0.

    Shapes: (..., 3) float in [0, 1] -> (..., 3) with L in [0, 100].
    Source: IEC 61966-2-1 (sRGB); ISO/CIE 11664-4 (CIELAB).
    """
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = rgb.new_tensor(_TO_XYZ)
    xyz = linear @ (matrix / matrix.sum(1, keepdim=True)).T
    f = torch.where(xyz > (6 / 29) ** 3, xyz ** (1 / 3), xyz * (841 / 108) + 4 / 29)
    x, y, z = f.unbind(-1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-1)


def delta_e_2000(lab_1: Tensor, lab_2: Tensor) -> Tensor:
    """Compute the CIEDE2000 difference of colours with all parametric weights 1.

    Shapes: (..., 3) CIELAB, twice -> (...); 0 for equal colours.
    Source: ISO/CIE 11664-6; G. Sharma et al., The CIEDE2000 color-difference formula, 2005.
    """
    (l_1, a_1, b_1), (l_2, a_2, b_2) = lab_1.unbind(-1), lab_2.unbind(-1)
    # The standard stretches a near grey.
    stretch = 1.5 - 0.5 * _chroma_share((torch.hypot(a_1, b_1) + torch.hypot(a_2, b_2)) / 2)
    a_1, a_2 = a_1 * stretch, a_2 * stretch
    c_1, c_2 = torch.hypot(a_1, b_1), torch.hypot(a_2, b_2)
    h_1 = torch.atan2(b_1, a_1)
    turn = torch.atan2(b_2, a_2) - h_1
    turn = turn - 2 * math.pi * torch.round(turn / (2 * math.pi))  # the shorter way round
    l_mean, c_mean, h_mean = (l_1 + l_2) / 2, (c_1 + c_2) / 2, h_1 + turn / 2

    off_grey = (l_mean - 50) ** 2
    l_term = (l_2 - l_1) / (1 + 0.015 * off_grey / torch.sqrt(20 + off_grey))
    c_term = (c_2 - c_1) / (1 + 0.045 * c_mean)
    hue_distance = 2 * torch.sqrt(c_1 * c_2) * torch.sin(turn / 2)
    h_term = hue_distance / (1 + 0.015 * c_mean * _hue_weight(h_mean))
    rotation = -2 * _chroma_share(c_mean) * torch.sin(_blue_rotation(h_mean))
    squares = l_term**2 + c_term**2 + h_term**2 + rotation * c_term * h_term
    return torch.sqrt(squares.clamp_min(0))


def _chroma_share(chroma: Tensor) -> Tensor:
    """Rise from 0 at grey to 1 at saturated colours."""
    return torch.sqrt(chroma**7 / (chroma**7 + 25.0**7))


def _hue_weight(hue: Tensor) -> Tensor:
    """Compute T of the standard; hue in radians."""
    return (
        1
        - 0.17 * torch.cos(hue - math.radians(30))
        + 0.24 * torch.cos(2 * hue)
        + 0.32 * torch.cos(3 * hue + math.radians(6))
        - 0.20 * torch.cos(4 * hue - math.radians(63))
    )


def _blue_rotation(hue: Tensor) -> Tensor:
    """Compute 2 delta theta of the standard, the rotation of the ellipses in the blues; radians."""
    degrees = torch.rad2deg(hue).remainder(360)
    return torch.deg2rad(60 * torch.exp(-(((degrees - 275) / 25) ** 2)))
