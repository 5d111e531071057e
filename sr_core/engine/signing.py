"""Signing of outputs with C2PA manifests, by the library c2pa-python (extra c2pa).

Source: C2PA Technical Specification 2.2, sections 11 (manifests) and 18.15 (actions).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sr_core.errors import ConfigurationError, ErrorClass, ImageError
from sr_core.imaging.codecs import Mark
from sr_core.scratch import Blob

_PROBE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8ffff3f0005fe02fedccc59e70000000049454e44ae426082"
)
"""A PNG file of one pixel, to try certificate and key before a run."""
_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}
"""No thumbnails, which are larger than small outputs, and no network."""
_PARENT = "source"
_OPAQUE = "application/octet-stream"
"""A type that the library does not look into."""


@dataclass(frozen=True, slots=True, eq=False)
class Ingredient:
    """A source as the manifest of its output refers to it."""

    data: Blob
    """The file, whose manifest is copied; empty if that cannot be read."""
    mime: str
    has_manifest: bool = False
    warnings: tuple[str, ...] = ()


class Signer:
    """Signs outputs with one certificate. Safe to use from many threads.

    The key stays in the process: it is in no record, row or message.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read certificate and key, and sign a pixel with them.

        Args:
            certificate: PEM file of the certificate and the chain above it, its own first.
            key: PEM file of its private key, without a password.

        Raises: ConfigurationError if they cannot sign, or the library is not installed.
        """
        try:
            import c2pa  # noqa: PLC0415 - optional
        except ImportError as error:
            raise ConfigurationError(
                "--c2pa-sign needs the library c2pa-python: pip install c2pa-python"
            ) from error
        self._c2pa: Any = c2pa
        self._certificate = _read(certificate, "certificate")
        self._key = _read(key, "key")
        self._algorithm = _algorithm(self._key, key)
        self._context = c2pa.Context.from_dict(_SETTINGS)
        probe = Mark("", "srfleet", "none", None, "")
        try:
            self.sign(_PROBE, "png", probe, Ingredient(b"", _OPAQUE))
        except ImageError as error:
            raise ConfigurationError(
                f"--c2pa-sign cannot sign with {certificate} and its key: {error.message}"
            ) from error

    def ingredient(self, data: Blob, format: str) -> Ingredient:  # noqa: A002
        """Prepare a source to be the ingredient of its output.

        Args:
            data: the source.
            format: its format, as in `Picture.format`.
        """
        mime = f"image/{format.lower()}"
        if data.find(b"c2pa") < 0:
            return Ingredient(data, mime)
        try:
            with self._c2pa.Reader(mime, io.BytesIO(data)):
                return Ingredient(data, mime, has_manifest=True)
        except self._c2pa.C2paError.ManifestNotFound:
            return Ingredient(data, mime)
        except self._c2pa.C2paError as error:
            warning = f"the C2PA manifest of the source cannot be read: {_said(error)}"
            return Ingredient(b"", _OPAQUE, warnings=(warning,))

    def sign(
        self,
        data: Blob,
        format: str,  # noqa: A002
        mark: Mark,
        ingredient: Ingredient,
    ) -> bytes:
        """Return an output with a manifest: opened from its source, resized by the model.

        Args:
            data: the output.
            format: its format.
            mark: how it was made.
            ingredient: its source.

        Raises: ImageError with class write.
        """
        output, mime = io.BytesIO(), f"image/{format}"
        parent = {"relationship": "parentOf", "label": _PARENT, "instance_id": _PARENT}
        parent["title"] = mark.source_name or mark.source_sha256
        try:
            signer = self._c2pa.Signer.from_info(
                self._c2pa.C2paSignerInfo(self._algorithm, self._certificate, self._key, None)
            )
            with signer, self._c2pa.Builder(_manifest(mark), self._context) as builder:
                builder.add_ingredient(parent, ingredient.mime, io.BytesIO(ingredient.data))
                builder.sign(signer, mime, io.BytesIO(data), output)
        except self._c2pa.C2paError as error:
            raise ImageError(ErrorClass.WRITE, f"cannot be signed: {_said(error)}") from error
        return output.getvalue()


def can_sign(format: str, pages: int) -> bool:  # noqa: A002
    """Return True if an output can be signed.

    To a TIFF of several directories the library adds one without a picture, on which Pillow fails.
    """
    return format != "ptif" and (format != "tiff" or pages == 1)


def _manifest(mark: Mark) -> dict[str, Any]:
    name, _, version = mark.software.partition(" ")
    agent = {"name": name, "version": version}
    model = mark.model + (f" (sha256 {mark.model_sha256})" if mark.model_sha256 else "")
    said = f"enlarged with {model}; source sha256 {mark.source_sha256}; run {mark.run_id}"
    resized = {
        "action": "c2pa.resized",
        "softwareAgent": agent,
        "description": said,
    }
    if mark.digital_source_type:
        resized["digitalSourceType"] = mark.digital_source_type
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}}
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [opened, resized]}}
    return {"claim_generator_info": [agent], "assertions": [actions]}


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"--c2pa-sign: the {what} {path} cannot be read: {error.strerror}"
        ) from error


def _algorithm(key: bytes, path: Path) -> str:
    """Return the signature algorithm of a private key.

    Raises: ConfigurationError, without any part of the key.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        loaded = load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        loaded = None
    if isinstance(loaded, ec.EllipticCurvePrivateKey):
        curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
        found = curves.get(loaded.curve.name)
    elif isinstance(loaded, rsa.RSAPrivateKey):
        found = "ps256"
    else:
        found = "ed25519" if isinstance(loaded, ed25519.Ed25519PrivateKey) else None
    if found is None:
        raise ConfigurationError(
            f"--c2pa-sign: {path} is no private key in PEM without a password, of a kind that C2PA "
            "allows (EC P-256, P-384 or P-521, RSA, Ed25519)"
        )
    return found
