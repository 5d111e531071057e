"""The layouts and conventions of public ports of SRGAN and SRResNet.

Every port was read in its repository: names, activations, what its images are before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sr_core.models.foreign_generator import Conventions, build_generator
from sr_core.models.foreign_layout import Layout, Rules, Tensors, rename

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
_HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class _Port:
    name: str
    marks: tuple[str, ...]
    rules: Rules
    conventions: Callable[[Tensors], Conventions]
    """Conventions for a file of the port: some ports changed them without renaming a tensor."""

    def layout(self) -> Layout:
        return Layout(
            self.name,
            self.marks,
            lambda tensors: build_generator(rename(tensors, self.rules), self.conventions(tensors)),
        )


def _block(*places: str) -> Rules:
    """Name the modules of a residual block by their places there: conv1, bn1, prelu, conv2, bn2.

    A place is a regular expression for the module's whole name with one group, the block's number.
    """
    ours = ("conv1", "bn1", "prelu", "conv2", "bn2")
    return [(place, rf"residual.\1.{name}") for place, name in zip(places, ours, strict=True)]


def _sequence(name: str, *kinds: str) -> Rules:
    """Name the modules of an upsampling that is one sequence: per doubling these kinds."""
    return [
        (rf"{name}\.{step * len(kinds) + place}", f"upsample.{step}.{kind}")
        for step in range(3)
        for place, kind in enumerate(kinds)
        if kind
    ]


_LEFTTHOMAS = _Port(
    "SRGAN of leftthomas",
    (r"block1\.0\.weight", r"block2\.conv1\.weight", r"block8\.0\.conv\.weight"),
    (
        (r"block1\.0", "head"),
        (r"block1\.1", "head_prelu"),
        *((rf"block{index + 2}\.(\w+)", rf"residual.{index}.\1") for index in range(5)),
        (r"block7\.0", "trunk_conv"),
        (r"block7\.1", "trunk_bn"),
        (r"block8\.(\d)\.(conv|prelu)", r"upsample.\1.\2"),
        (r"block8\.\d", "output"),
    ),
    lambda _: Conventions(tanh=True),
)


def _lornatang(tensors: Tensors) -> Conventions:
    # Its last layer is a sequence of a convolution and a tanh, or the convolution alone.
    return Conventions(tanh=any(".0." in name for name in tensors if name.startswith(_LAST)))


_LAST = ("conv3.", "conv_block3.")
_LORNATANG_HEAD = (
    (r"(?:conv|conv_block)1\.0", "head"),
    (r"(?:conv|conv_block)1\.1", "head_prelu"),
    *_block(*(rf"[Tt]runk\.(\d+)\.(?:rcb|rc_block)\.{place}" for place in range(5))),
    *_block(*(rf"[Tt]runk\.(\d+)\.{name}" for name in ("conv1", "bn1", "prelu", "conv2", "bn2"))),
    (r"(?:conv|conv_block)2\.0", "trunk_conv"),
    (r"(?:conv|conv_block)2\.1", "trunk_bn"),
    (r"(?:conv|conv_block)3(?:\.0)?", "output"),
)
_TRUNK = r"[Tt]runk\.0\.(?:rcb\.0|rc_block\.0|conv1)\.weight"
_LORNATANG = (
    _Port(
        "SRGAN-PyTorch of Lornatang",
        (_TRUNK, r"(?:upsampling|subpixel_conv)\.0\.(?:upsample_block\.0|conv)\.weight"),
        (
            *_LORNATANG_HEAD,
            (r"upsampling\.(\d)\.upsample_block\.0", r"upsample.\1.conv"),
            (r"upsampling\.(\d)\.upsample_block\.2", r"upsample.\1.prelu"),
            (r"(?:subpixel_conv|upsampling)\.(\d)\.(conv|prelu)", r"upsample.\1.\2"),
        ),
        _lornatang,
    ),
    _Port(
        "SRGAN-PyTorch of Lornatang (2020)",
        (_TRUNK, r"upsampling\.1\.running_mean"),
        (*_LORNATANG_HEAD, *_sequence("upsampling", "conv", "bn", "", "prelu")),
        _lornatang,
    ),
    _Port(
        "SRGAN-PyTorch of Lornatang (2021)",
        (_TRUNK, r"upsampling\.0\.weight"),
        (*_LORNATANG_HEAD, *_sequence("upsampling", "conv", "", "prelu")),
        _lornatang,
    ),
)


def _pytorch_gan(tensors: Tensors) -> Conventions:
    if "conv1.1.weight" not in tensors:  # until March 2019: ReLU, images in [-1, 1]
        return Conventions(mean=_HALF, deviation=_HALF, tanh=True)
    # The tanh's result is an image normalised as its input is.
    return Conventions(
        mean=_IMAGENET_MEAN,
        deviation=_IMAGENET_DEVIATION,
        tanh=True,
        gain=_IMAGENET_DEVIATION,
        offset=_IMAGENET_MEAN,
        eps=0.8,
    )


_PYTORCH_GAN = _Port(
    "srgan of PyTorch-GAN",
    (r"res_blocks\.0\.conv_block\.0\.weight", r"upsampling\.0\.weight"),
    (
        (r"conv1\.0", "head"),
        (r"conv1\.1", "head_prelu"),
        *_block(*(rf"res_blocks\.(\d+)\.conv_block\.{place}" for place in range(5))),
        (r"conv2\.0", "trunk_conv"),
        (r"conv2\.1", "trunk_bn"),
        *_sequence("upsampling", "conv", "bn", "", "prelu"),
        (r"conv3\.0", "output"),
    ),
    _pytorch_gan,
)
_SGRVINOD = _Port(
    "a-PyTorch-Tutorial-to-Super-Resolution of sgrvinod",
    (r"residual_blocks\.0\.conv_block1\.conv_block\.0\.weight",),
    (
        (r"conv_block1\.conv_block\.0", "head"),
        (r"conv_block1\.conv_block\.1", "head_prelu"),
        *_block(
            *(rf"residual_blocks\.(\d+)\.conv_block1\.conv_block\.{place}" for place in range(3)),
            *(rf"residual_blocks\.(\d+)\.conv_block2\.conv_block\.{place}" for place in range(2)),
        ),
        (r"conv_block2\.conv_block\.0", "trunk_conv"),
        (r"conv_block2\.conv_block\.1", "trunk_bn"),
        (r"subpixel_convolutional_blocks\.(\d)\.(conv|prelu)", r"upsample.\1.\2"),
        (r"conv_block3\.conv_block\.0", "output"),
    ),
    lambda _: Conventions(mean=_IMAGENET_MEAN, deviation=_IMAGENET_DEVIATION, tanh=True),
)
_ALADDIN = _Port(
    "SRGAN of Aladdin Persson's Machine-Learning-Collection",
    (r"initial\.cnn\.weight", r"residuals\.0\.block1\.cnn\.weight"),
    (
        (r"initial\.cnn", "head"),
        (r"initial\.act", "head_prelu"),
        *_block(
            *(rf"residuals\.(\d+)\.block1\.{name}" for name in ("cnn", "bn", "act")),
            *(rf"residuals\.(\d+)\.block2\.{name}" for name in ("cnn", "bn")),
        ),
        (r"residuals\.\d+\.block2\.act", ""),  # made, saved, never called
        (r"convblock\.act", ""),
        (r"convblock\.cnn", "trunk_conv"),
        (r"convblock\.bn", "trunk_bn"),
        (r"upsamples\.(\d)\.conv", r"upsample.\1.conv"),
        (r"upsamples\.(\d)\.act", r"upsample.\1.prelu"),
        (r"final", "output"),
    ),
    lambda _: Conventions(tanh=True),
)
_TWTYGQYY = _Port(
    "pytorch-SRResNet of twtygqyy (2017, with batch norm)",
    (r"conv_input\.weight", r"residual\.0\.bn1\.running_mean", r"upscale4x\.0\.weight"),
    (
        (r"conv_input", "head"),
        (r"residual\.(\d+)\.(conv1|bn1|conv2|bn2)", r"residual.\1.\2"),
        (r"conv_mid", "trunk_conv"),
        (r"bn_mid", "trunk_bn"),
        *_sequence("upscale4x", "conv", "", ""),
        (r"conv_output", "output"),
    ),
    lambda _: Conventions(slope=0.2),
)


def _instance_norm(_: Tensors) -> Conventions:
    raise ValueError(
        "its instance norms measure each image as a whole, so it cannot be run in tiles; the "
        "version of 2017 with batch norms can"
    )


_TWTYGQYY_INSTANCE = _Port(
    "pytorch-SRResNet of twtygqyy with instance norm",
    (r"conv_input\.weight", r"residual\.0\.in1\.weight"),
    ((r".*", ""),),
    _instance_norm,
)

PORT_LAYOUTS = tuple(
    port.layout()
    for port in (
        _LEFTTHOMAS,
        *_LORNATANG,
        _PYTORCH_GAN,
        _SGRVINOD,
        _ALADDIN,
        _TWTYGQYY,
        _TWTYGQYY_INSTANCE,
    )
)
