"""Signatures of the root hash: who signed which run, and every way in which that can fail."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from sr_core.archive.ledger.layout import part_name, success_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify
from sr_core.audit.verify.findings import Finding, Kind
from sr_core.audit.verify.signing import (
    Signed,
    check_root_hash,
    check_signature,
    load_private_key,
    load_public_key,
    sign_run,
    signed_text,
)
from sr_core.errors import ConfigurationError, DamagedError
from tests.support.commands import exit_code_here
from tests.support.small_run import begin, plan_retry, planned_images, process_round, work
from tests.support.tampering import reseal

IMAGES = planned_images(5, per_shard=2, refused={1})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Create a finished run with an image that failed."""
    work(open_store(str(tmp_path / "run")), IMAGES, "a", sick={"album/2.jpg"})
    return tmp_path / "run"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Make two pairs of keys by openssl: a.pem and a.pub, b.pem and b.pub."""
    for name in ("a", "b"):
        openssl(tmp_path, "genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem")
        openssl(tmp_path, "pkey", "-in", f"{name}.pem", "-pubout", "-out", f"{name}.pub")
    return tmp_path


def openssl(folder: Path, *arguments: str) -> str:
    """Run openssl, and return its output."""
    command = ["openssl", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def sign(root: Path, key: Path) -> Signed:
    return sign_run(open_store(str(root)), load_private_key(key))


def check(root: Path, key: Path) -> tuple[Finding, ...]:
    store = open_store(str(root))
    return check_signature(store, verify(store), load_public_key(key))


def the_message(findings: tuple[Finding, ...]) -> str:
    (finding,) = findings
    assert finding.kind is Kind.SIGNATURE
    return finding.message


def test_a_signed_run_is_accepted_with_the_public_key(root: Path, keys: Path) -> None:
    signed = sign(root, keys / "a.pem")
    assert signed.is_new
    assert check(root, keys / "a.pub") == ()
    assert verify(open_store(str(root))).findings == ()


def test_signing_again_changes_nothing(root: Path, keys: Path) -> None:
    signed = sign(root, keys / "a.pem")
    before = (root / signed.key).read_bytes()
    assert not sign(root, keys / "a.pem").is_new
    assert (root / signed.key).read_bytes() == before


def test_two_people_may_sign(root: Path, keys: Path) -> None:
    assert sign(root, keys / "a.pem").key != sign(root, keys / "b.pem").key
    assert check(root, keys / "a.pub") == check(root, keys / "b.pub") == ()


def test_openssl_accepts_the_signature(root: Path, keys: Path) -> None:
    signed = sign(root, keys / "a.pem")
    content = json.loads((root / signed.key).read_text())
    text = signed_text(
        content["run_id"],
        content["round"],
        content["root_hash"],
        content["closing_record_sha256"],
    )
    (keys / "text").write_bytes(text)
    (keys / "signature").write_bytes(base64.b64decode(content["signature"]))
    check = "-verify -pubin -inkey a.pub -rawin -in text -sigfile signature"
    assert openssl(keys, "pkeyutl", *check.split()) == "Signature Verified Successfully\n"
    (keys / "text").write_bytes(text.replace(b"round 0", b"round 1"))
    with pytest.raises(subprocess.CalledProcessError):
        openssl(keys, "pkeyutl", *check.split())


def test_keys_of_ssh_keygen_are_read(root: Path, keys: Path) -> None:
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / "ssh")]
    try:
        subprocess.run(make, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs ssh-keygen")
    sign(root, keys / "ssh")
    assert check(root, keys / "ssh.pub") == ()


def test_another_key_has_not_signed(root: Path, keys: Path) -> None:
    signed = sign(root, keys / "a.pem")
    message = the_message(check(root, keys / "b.pub"))
    assert message == f"this key has not signed round 0; the root has {signed.key}"


def test_an_unsigned_run_says_so(root: Path, keys: Path) -> None:
    assert "the root has no signature" in the_message(check(root, keys / "a.pub"))


def test_a_run_that_was_changed_and_sealed_again_is_not_the_signed_one(
    root: Path, keys: Path
) -> None:
    sign(root, keys / "a.pem")
    record = root / "run.json"
    record.write_text(record.read_text().replace("\n", "\n\n", 1))
    reseal(root)
    assert verify(open_store(str(root))).findings == ()
    assert "it is of root hash" in the_message(check(root, keys / "a.pub"))


def test_the_closing_record_is_signed_too(root: Path, keys: Path) -> None:
    sign(root, keys / "a.pem")
    path = root / success_name(0)
    record = json.loads(path.read_text()) | {"finished_at": "2020-01-01T00:00:00+00:00"}
    path.write_text(json.dumps(record, indent=2) + "\n")
    assert verify(open_store(str(root))).findings == ()
    message = the_message(check(root, keys / "a.pub"))
    assert message == "_SUCCESS.json was changed after it was signed"


def test_a_forged_signature_is_not_accepted(root: Path, keys: Path) -> None:
    signed = sign(root, keys / "a.pem")
    forged = sign(root, keys / "b.pem")
    (root / signed.key).write_bytes((root / forged.key).read_bytes())
    assert "not a signature of the root hash by this key" in the_message(
        check(root, keys / "a.pub")
    )
    (root / signed.key).write_text("{")
    assert "it is not readable" in the_message(check(root, keys / "a.pub"))


def test_a_further_round_needs_a_signature_of_its_own(root: Path, keys: Path) -> None:
    sign(root, keys / "a.pem")
    ledger = begin(open_store(str(root)), IMAGES)
    process_round(ledger, plan_retry(ledger), "b")
    ledger.close_rounds(ledger.snapshot())
    assert "has not signed round 1" in the_message(check(root, keys / "a.pub"))
    sign(root, keys / "a.pem")
    assert check(root, keys / "a.pub") == ()


def test_a_changed_run_is_not_signed(root: Path, keys: Path) -> None:
    with (root / part_name(0, 0)).open("ab") as file:
        file.write(b"!")
    with pytest.raises(DamagedError, match=r"shard-00000\.parquet does not match its digest"):
        sign(root, keys / "a.pem")


def test_what_cannot_be_signed_says_why(root: Path, tmp_path: Path, keys: Path) -> None:
    record = json.loads((root / success_name(0)).read_text())
    del record["digests"], record["root_hash"]
    (root / success_name(0)).write_text(json.dumps(record))
    with pytest.raises(ConfigurationError, match="has no root hash, because an earlier version"):
        sign(root, keys / "a.pem")
    assert "the run has no root hash" in the_message(check(root, keys / "a.pub"))
    (root / success_name(0)).unlink()
    with pytest.raises(ConfigurationError, match="has no closed round yet"):
        sign(root, keys / "a.pem")
    with pytest.raises(ConfigurationError, match="holds no run"):
        sign(tmp_path / "nowhere", keys / "a.pem")


def test_wrong_keys_are_explained(keys: Path) -> None:
    openssl(keys, "genpkey", "-algorithm", "x25519", "-out", "x.pem")
    openssl(keys, "pkey", "-in", "a.pem", "-aes256", "-passout", "pass:x", "-out", "locked.pem")
    (keys / "text.pem").write_text("hello")
    for name, says in (
        ("x.pem", "is not an Ed25519 key"),
        ("locked.pem", "has a passphrase"),
        ("text.pem", "is not a private key"),
        ("missing.pem", "cannot read the key"),
    ):
        with pytest.raises(ConfigurationError, match=says):
            load_private_key(keys / name)
    with pytest.raises(ConfigurationError, match="is a private key; give the public one"):
        load_public_key(keys / "a.pem")
    with pytest.raises(ConfigurationError, match="is not a public key"):
        load_public_key(keys / "text.pem")


def test_a_root_hash_kept_elsewhere_is_compared(root: Path) -> None:
    store = open_store(str(root))
    found = verify(store)
    ledger = Ledger(store)
    root_hash = ledger.root_hash(ledger.snapshot())
    assert root_hash is not None
    assert check_root_hash(found, f" {root_hash.upper()}\n") == ()
    (finding,) = check_root_hash(found, "0" * 64)
    assert finding.message == f"the root hash is {root_hash}, not {'0' * 64}"


def test_the_commands_end_with_their_exit_codes(
    root: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_here("verify", str(root), "--key", str(keys / "a.pub")) == 5
    assert exit_code_here("sign", str(root), "--key", str(keys / "a.pem")) == 0
    assert "signed by key" in capsys.readouterr().out
    assert exit_code_here("verify", str(root), "--key", str(keys / "a.pub")) == 0
    assert "signed by key" in capsys.readouterr().out
    assert exit_code_here("verify", str(root), "--key", str(keys / "a.pem")) == 2
    assert exit_code_here("verify", str(root), "--root-hash", "0" * 64) == 5
