"""Ed25519 signatures of a run's root hash, each an object of its own under the root."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from sr_core.archive.ledger.chain import digests_of
from sr_core.archive.ledger.history import list_rounds
from sr_core.archive.ledger.layout import SIGNATURES_PREFIX, signature_name, success_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import Store, sha256_of
from sr_core.audit.verify.checks import Verification
from sr_core.audit.verify.closing import read_closing_records
from sr_core.audit.verify.findings import Finding, Kind, Severity, broken
from sr_core.errors import ConfigurationError, DamagedError, ErrorClass, StorageError

_MAKE_KEY = "make one with: openssl genpkey -algorithm ed25519 -out key.pem"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature in the root of a run."""

    key: str
    """Key of the object."""
    root_hash: str
    fingerprint: str
    is_new: bool
    """False if the same key had signed the root hash before."""


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key, in PEM or as ssh-keygen writes it, without a passphrase.

    Raises: ConfigurationError.
    """
    data = _read(path)
    load = load_ssh_private_key if b"OPENSSH" in data else load_pem_private_key
    try:
        key = load(data, password=None)
    except TypeError as error:
        message = f"{path} has a passphrase; give a key without one, readable by you alone"
        raise ConfigurationError(message) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path} is not a private key; {_MAKE_KEY}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path} is not an Ed25519 key; {_MAKE_KEY}")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key, in PEM or as ssh-keygen writes it.

    Raises: ConfigurationError.
    """
    data = _read(path)
    if b"PRIVATE KEY" in data:
        raise ConfigurationError(
            f"{path} is a private key; give the public one: openssl pkey -in {path} -pubout"
        )
    load = load_ssh_public_key if data.startswith(b"ssh-") else load_pem_public_key
    try:
        key = load(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{path} is not a public key in PEM or of OpenSSH") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{path} is not an Ed25519 key")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the name of a key in a root: 16 hexadecimal digits."""
    return hashlib.sha256(_raw(key)).hexdigest()[:16]


def signed_text(run_id: str, round_index: int, root_hash: str, record_sha256: str) -> bytes:
    """Return the text that is signed: one line.

    The closing record is signed as well as its root hash: nothing else covers its time and counts.
    """
    return (
        f"srfleet-signature-1 run {run_id} round {round_index} root hash {root_hash} "
        f"closing record {record_sha256}\n"
    ).encode()


def sign_run(store: Store, key: Ed25519PrivateKey) -> Signed:
    """Sign the root hash of the last closed round, once its objects match their digests.

    Outputs are not read; `verify` does that.

    Raises: ConfigurationError if there is nothing to sign; DamagedError if an object was changed.
    """
    run = Ledger(store).run()
    if run is None:
        raise ConfigurationError(f"{store.uri} holds no run: it has no run.json")
    closed = read_closing_records(store, list_rounds(store))
    round_index, root_hash = closed.last_round, closed.root_hash
    if round_index is None:
        raise ConfigurationError(f"{store.uri} has no closed round yet; finish the run first")
    if root_hash is None:
        raise ConfigurationError(
            f"{success_name(round_index)} has no root hash, because an earlier version wrote it; "
            "nothing can be signed"
        )
    wrong = [each.subject for each in closed.findings if each.severity is Severity.ERROR]
    found = digests_of(store, closed.digests)
    wrong += [each for each, digest in closed.digests.items() if found[each] != digest]
    if wrong:
        raise DamagedError(f"{wrong[0]} does not match its digest; see srfleet verify {store.uri}")
    public = key.public_key()
    record_sha256, _ = sha256_of(store, success_name(round_index))
    signature = key.sign(signed_text(run.run_id, round_index, root_hash, record_sha256))
    content = {
        "algorithm": "ed25519",
        "run_id": run.run_id,
        "round": round_index,
        "root_hash": root_hash,
        "closing_record_sha256": record_sha256,
        "public_key": base64.b64encode(_raw(public)).decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    name = signature_name(round_index, fingerprint(public))
    data = (json.dumps(content, indent=2) + "\n").encode()
    is_new = store.put_if_absent(name, data)
    if not is_new and store.read(name) != data:
        raise DamagedError(f"{name} exists and is another signature by this key; remove it")
    return Signed(name, root_hash, fingerprint(public), is_new)


def check_root_hash(verified: Verification, wanted: str) -> tuple[Finding, ...]:
    """Check that a run has the root hash that someone kept elsewhere; none if it has."""
    if verified.root_hash == wanted.strip().lower():
        return ()
    name = success_name(verified.last_round or 0)
    message = f"the root hash is {verified.root_hash or 'missing'}, not {wanted.strip().lower()}"
    return (broken(Kind.DIGEST, name, message),)


def check_signature(
    store: Store, verified: Verification, key: Ed25519PublicKey
) -> tuple[Finding, ...]:
    """Check that a key signed the root hash of the last closed round; none if it did."""
    last, root_hash, run = verified.last_round, verified.root_hash, verified.run
    if run is None or last is None or root_hash is None:
        name = success_name(last or 0)
        message = "the run has no root hash, so that no signature can cover it"
        return (broken(Kind.SIGNATURE, name, message),)
    name = signature_name(last, fingerprint(key))
    try:
        content = json.loads(store.read(name))
        signature = base64.b64decode(content["signature"])
        stated, stated_record = content["root_hash"], content["closing_record_sha256"]
        record_sha256, _ = sha256_of(store, success_name(last))
    except StorageError as error:
        is_missing = error.error_class is ErrorClass.NOT_FOUND
        problem: str | None = _not_signed(store, last) if is_missing else str(error)
    except (ValueError, KeyError, TypeError) as error:
        problem = f"it is not readable: {error}"
    else:
        text = signed_text(run.run_id, last, root_hash, record_sha256)
        if stated != root_hash:
            problem = f"it is of root hash {stated}, but the run has {root_hash}"
        elif stated_record != record_sha256:
            problem = f"{success_name(last)} was changed after it was signed"
        elif _is_valid(key, signature, text):
            problem = None
        else:
            problem = "it is not a signature of the root hash by this key"
    return () if problem is None else (broken(Kind.SIGNATURE, name, problem),)


def _is_valid(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def _not_signed(store: Store, round_index: int) -> str:
    others = [info.key for info in store.list(SIGNATURES_PREFIX)]
    known = f"the root has {', '.join(others[:5])}" if others else "the root has no signature"
    return f"this key has not signed round {round_index}; {known}"


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the key {path}: {error.strerror}") from error
