"""Entries of the measures of trust in the registry of metrics."""

from __future__ import annotations

from functools import partial

from sr_core.metrics.metric import Metric

_measure = partial(Metric, needs="nothing", has_spot=True)

BLOCK_ERROR = _measure(
    name="block_error",
    label="Block error",
    unit="",
    digits=3,
    direction="lower",
    grain=0.05,
    description="worst block of 4x4 source pixels: squared error against the source's variance",
    protocol="largest mean squared difference of the shrunk output and the source in a block of "
    "4x4 source pixels, mean of the channels, over the block's variance of luma + 20, in levels",
    blind_spot="changes that vanish when the output is shrunk",
)
OUTLIER = _measure(
    name="outlier",
    label="Outlier",
    unit="",
    digits=2,
    direction="lower",
    grain=0.2,
    description="output pixel furthest outside the range of the source around it",
    protocol="largest distance of an output pixel's luma from the range of the 3x3 source pixels "
    "around it, over that range + 20 levels",
    blind_spot="changes within the range of the source around them",
)
BLANK_SHARE = _measure(
    name="blank_share",
    label="Blank share",
    unit="",
    digits=5,
    direction="lower",
    grain=0.0001,
    description="share of the image that is flat although the source is not",
    protocol="share of source pixels whose output pixels, and those of all 8 neighbours, span at "
    "most half a level, although 3x3 source pixels span 12 levels or the output is 24 levels away",
    blind_spot="blank areas narrower than 3 source pixels, and those that have noise",
)
CLIPPED_SHARE = _measure(
    name="clipped_share",
    label="Clipped share",
    unit="",
    digits=5,
    direction="lower",
    grain=0.001,
    description="share of the image that reaches black or white although the source does not",
    protocol="share of source pixels with an output pixel of luma 0 or 255, although the 3x3 "
    "source pixels around stay 8 levels away from it",
    blind_spot="channels that clip alone",
)
SHIFT = _measure(
    name="shift_px",
    label="Shift",
    unit="px",
    digits=3,
    direction="lower",
    grain=0.05,
    description="displacement against the source of the worst region, in output pixels",
    protocol="largest least-squares displacement of the shrunk output against the source, of the "
    "whole, halves, quadrants and quarter bands; the squared gradient is increased by 2 levels",
    blind_spot="displaced areas smaller than a quarter of the image, and flat ones; beyond about "
    "4 px it only shows that there is a displacement",
)
CAST = _measure(
    name="cast_levels",
    label="Cast",
    unit="levels",
    digits=2,
    direction="lower",
    grain=0.5,
    description="mean difference from the source of the worst channel and region",
    protocol="largest mean difference of the shrunk output and the source over the channels and "
    "the regions of shift_px; blocks count by the inverse of their variance + 20",
    blind_spot="casts that cancel within a region",
)
STEP = _measure(
    name="step_levels",
    label="Step",
    unit="levels",
    digits=2,
    direction="lower",
    grain=0.3,
    description="largest jump of brightness across a straight line that the source does not have",
    protocol="largest difference between the mean differences from the source in the 16 source "
    "pixels before and after a horizontal or vertical line; weights as in cast_levels",
    blind_spot="lines shorter than about half of a side, slanted ones, and small images",
)
GRID = _measure(
    name="grid_levels",
    label="Grid",
    unit="levels",
    digits=3,
    direction="lower",
    grain=0.1,
    description="pattern that repeats with every source pixel, such as a checkerboard",
    protocol="standard deviation over the sub-pixels of the mean luma at each, without a plane "
    "through them; the period is the scale from 2 to 4, else 4; the spot is the strongest area",
    blind_spot="patterns of another period, and those in a small part of the image",
)
BLOCKING = _measure(
    name="blocking",
    label="Blocking",
    unit="×",
    digits=3,
    direction="lower",
    grain=0.05,
    description="blocks of JPEG in the output: jumps on its 8 px grid against those between",
    protocol="mean jump of luma at the lines of the 8 px grid, but not of the enlarged source's, "
    "over that at lines half a block away; the greater of both axes, jumps limited to 10 levels, "
    ".05 added to both means",
    blind_spot="blocks of another size or origin; outputs saved as JPEG have some blocking",
)
DETAIL_GAIN = _measure(
    name="detail_gain",
    label="Detail gain",
    unit="×",
    digits=3,
    direction="none",
    grain=0.05,
    description="finest detail of the output against the source's: low if blurred, high if noisy",
    protocol="median over blocks of the root of the output's mean squared 2x2 diagonal detail + "
    ".02 over the source's + .2; the spot is the block with the least",
    blind_spot="whether the detail is true",
)
TEXTURE_EXCESS = _measure(
    name="texture_excess",
    label="Texture excess",
    unit="",
    digits=3,
    direction="lower",
    grain=0.1,
    description="worst area of fine detail that the source gives no reason for",
    protocol="largest mean squared 2x2 diagonal detail of the output in 3x3 blocks, over that of "
    "the source + .05 of its variance + 2, in levels",
    blind_spot="foreign detail where the source has detail of its own",
)
GREY_COLOUR = _measure(
    name="grey_colour_levels",
    label="Colour in grey",
    unit="levels",
    digits=2,
    direction="lower",
    grain=0.5,
    description="colour of the output where the source is grey",
    protocol="mean of the highest less the lowest channel of the shrunk output over source pixels "
    "whose channels span at most 2 levels; null if these are under 5 % of the image",
    blind_spot="false colour where the source has colour",
)
ALPHA_ERROR = _measure(
    name="alpha_error_levels",
    label="Alpha error",
    unit="levels",
    digits=2,
    direction="lower",
    grain=0.5,
    description="worst 8x8 block of changed transparency",
    protocol="largest mean absolute difference of the shrunk output's alpha and the source's in a "
    "block of 8x8 source pixels; null without alpha, or if the output cannot hold it",
    blind_spot="the colours under transparency",
)
TWIN_ERROR = Metric(
    name="twin_error",
    label="Twin error",
    unit="",
    digits=3,
    direction="lower",
    grain=0.05,
    needs="the twin",
    description="worst area where a GAN's detail departs from that of its SRResNet twin",
    protocol="largest mean over 3x3 blocks of |s - t| / (s + t + 4), s and t being the standard "
    "deviations of luma in blocks of the output and of the twin's; with --trust full only",
    blind_spot="faults that both networks have",
    has_spot=True,
)

TRUST: tuple[Metric, ...] = (
    BLOCK_ERROR,
    OUTLIER,
    BLANK_SHARE,
    CLIPPED_SHARE,
    SHIFT,
    CAST,
    STEP,
    GRID,
    BLOCKING,
    DETAIL_GAIN,
    TEXTURE_EXCESS,
    GREY_COLOUR,
    ALPHA_ERROR,
    TWIN_ERROR,
)
"""Measures of the stored output against its decoded source, each with its worst spot."""
