"""The layouts in which RRDBNet (ESRGAN, Real-ESRGAN) and MSRResNet are published."""

from __future__ import annotations

import math
import re

from sr_core.models.foreign_layout import (
    Layout,
    Tensors,
    check_scale,
    count,
    load,
    rename,
    shape,
)
from sr_core.models.msrresnet import MSRResNet
from sr_core.models.network import Network
from sr_core.models.rrdb import RRDBNet

_BASICSR_RRDB = (
    (r"conv_first", "head"),
    (r"body\.(\d+)\.rdb(\d)\.conv(\d)", r"body.\1.dense\2.conv\3"),
    (r"conv_body", "trunk_conv"),
    (r"conv_up1", "upsample.0"),
    (r"conv_up2", "upsample.1"),
    (r"conv_up3", "upsample.2"),
    (r"conv_hr", "last_hidden"),
    (r"conv_last", "output"),
)
_ESRGAN = (
    (r"conv_first", "head"),
    (r"RRDB_trunk\.(\d+)\.RDB(\d)\.conv(\d)", r"body.\1.dense\2.conv\3"),
    (r"trunk_conv", "trunk_conv"),
    (r"upconv1", "upsample.0"),
    (r"upconv2", "upsample.1"),
    (r"upconv3", "upsample.2"),
    (r"HRconv", "last_hidden"),
    (r"conv_last", "output"),
)
_MSRRESNET = (
    (r"conv_first", "head"),
    (r"(?:body|recon_trunk)\.(\d+)\.conv(\d)", r"body.\1.conv\2"),
    (r"upconv1", "upsample.0"),
    (r"upconv2", "upsample.1"),
    (r"conv_hr|HRconv", "last_hidden"),
    (r"conv_last", "output"),
)


def _rrdb(tensors: Tensors) -> Network:
    """Build RRDBNet from tensors under our names."""
    channels, taken, *_ = shape(tensors, "head.weight")
    growth = shape(tensors, "body.0.dense1.conv1.weight")[0]
    cell_px = math.isqrt(taken // 3)
    if taken != 3 * cell_px**2:
        raise ValueError(f"it takes {taken} channels, not the 3 of RGB or squares of pixels")
    steps = count(tensors, r"upsample\.\d+\.weight")
    scale = check_scale(2**steps / cell_px)
    blocks = count(tensors, r"body\.\d+\.dense1\.conv1\.weight")
    return load(RRDBNet(scale, channels, blocks, growth, cell_px), tensors)


def _old_esrgan(tensors: Tensors) -> Network:
    """Build RRDBNet from ESRGAN's first layout, whose names are positions in a sequence.

    After the trunk at 1 come, per doubling, an enlargement, a convolution and an activation; then
    a convolution, an activation and the last convolution.
    """
    last = max(int(name.split(".")[1]) for name in tensors if re.match(r"model\.\d+\.", name))
    steps = (last - 4) // 3
    rules = [
        (r"model\.0", "head"),
        (r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0", r"body.\1.dense\2.conv\3"),
        (r"model\.1\.sub\.\d+", "trunk_conv"),
        *((rf"model\.{3 * step + 3}", f"upsample.{step}") for step in range(steps)),
        (rf"model\.{3 * steps + 2}", "last_hidden"),
        (rf"model\.{3 * steps + 4}", "output"),
    ]
    return _rrdb(rename(tensors, rules))


def _msrresnet(tensors: Tensors) -> Network:
    """Build MSRResNet from a file's tensors."""
    tensors = rename(tensors, _MSRRESNET)
    channels = shape(tensors, "head.weight")[0]
    steps = count(tensors, r"upsample\.\d+\.weight")
    enlarged = shape(tensors, "upsample.0.weight")[0] / channels
    scale = check_scale(math.sqrt(enlarged) ** steps)
    blocks = count(tensors, r"body\.\d+\.conv1\.weight")
    return load(MSRResNet(scale, channels, blocks), tensors)


SR_LAYOUTS = (
    Layout(
        "RRDBNet of BasicSR (Real-ESRGAN)",
        (r"body\.0\.rdb1\.conv1\.weight",),
        lambda tensors: _rrdb(rename(tensors, _BASICSR_RRDB)),
    ),
    Layout(
        "RRDBNet of ESRGAN (BSRGAN, RealSR)",
        (r"RRDB_trunk\.0\.RDB1\.conv1\.weight",),
        lambda tensors: _rrdb(rename(tensors, _ESRGAN)),
    ),
    Layout(
        "RRDB_Net of ESRGAN's first release",
        (r"model\.1\.sub\.0\.RDB1\.conv1\.0\.weight",),
        _old_esrgan,
    ),
    Layout(
        "MSRResNet of BasicSR",
        (r"(?:body|recon_trunk)\.0\.conv1\.weight", r"upconv1\.weight"),
        _msrresnet,
    ),
)
