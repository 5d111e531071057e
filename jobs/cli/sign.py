"""srfleet sign: sign the root hash of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.options import RootArgument
from jobs.cli.terminal import answers

EXAMPLES = (
    "srfleet sign ./photos-x4 --key key.pem",
    "srfleet sign s3://archive/photos-x4 --key ~/.ssh/id_ed25519",
)

PrivateKeyOption = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="Ed25519 private key: PEM or OpenSSH.")
]


def sign(root: RootArgument, key: PrivateKeyOption) -> None:
    """Sign the root hash of the run in OUT, which covers every row and output.

    The signature becomes an object under OUT/signatures/; srfleet verify --key checks it with the
    public key. Verify the run first: sign checks its tables, but reads no outputs.
    """
    from sr_core.archive.storage import open_store
    from sr_core.audit.verify.signing import load_private_key, sign_run

    signed = sign_run(open_store(root), load_private_key(key))
    answers().say(f"root hash: {signed.root_hash}")
    done = "signed" if signed.is_new else "signed before"
    answers().say(f"{done} by key {signed.fingerprint}: {signed.key}")
