"""S3 servers for tests: moto with authentication, and SeaweedFS."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.support.fault_proxy import Fault, FaultProxy

__all__ = ["Fault", "FaultProxy", "S3Server", "moto_server", "seaweed_server"]

REPOSITORY = Path(__file__).resolve().parents[2]
BUCKET = "archive"
_USER = "srfleet"


@dataclass(frozen=True)
class S3Server:
    """A running server with an empty bucket and the credentials of one ordinary user.

    `admin_key` and `admin_secret` may do everything. The user has the permissions that
    docs/storage.md asks for, except for keys that contain "forbidden".
    """

    endpoint: str
    key: str
    secret: str
    admin_key: str
    admin_secret: str
    bucket: str = BUCKET

    def environment(self, endpoint: str | None = None) -> dict[str, str]:
        """Return the user's AWS environment variables, for the server or a proxy in front of it."""
        return {
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def admin(self) -> Any:
        """Return a client with all permissions, which bypasses the store."""
        return _client("s3", self.endpoint, self.admin_key, self.admin_secret)

    def another_key(self) -> tuple[str, str]:
        """Create another access key for the user of a moto server; return its id and secret."""
        keys = self._iam().create_access_key(UserName=_USER)["AccessKey"]
        return keys["AccessKeyId"], keys["SecretAccessKey"]

    def revoke_key(self, key: str) -> None:
        """Delete an access key of the user of a moto server, if it exists."""
        known = self._iam().list_access_keys(UserName=_USER)["AccessKeyMetadata"]
        if key in [each["AccessKeyId"] for each in known]:
            self._iam().delete_access_key(UserName=_USER, AccessKeyId=key)

    def _iam(self) -> Any:
        return _client("iam", self.endpoint, self.admin_key, self.admin_secret)


def documented_policy() -> dict[str, Any]:
    """Return the policy that docs/storage.md asks operators to grant, for the test bucket."""
    page = (REPOSITORY / "docs" / "storage.md").read_text(encoding="utf-8")
    block = re.search(r"```json\n(\{.*?\n\})\n```", page, re.DOTALL)
    assert block, "docs/storage.md shows no policy"
    policy: dict[str, Any] = json.loads(block[1].replace("BUCKET", BUCKET))
    return policy


@contextmanager
def moto_server() -> Iterator[S3Server]:
    """Start moto in a process of its own; every request must be signed and permitted.

    It lists 20 keys per page, so that a few dozen objects need several pages.
    """
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.servers"]
    environment = {**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": "20"}
    with _process(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout
        endpoint = f"http://127.0.0.1:{int(process.stdout.readline())}"
        iam = _client("iam", endpoint, "setup", "setup")
        admin = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        actions, resource = ["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{BUCKET}/*forbidden*"
        denied = {"Effect": "Deny", "Action": actions, "Resource": resource}
        policy = documented_policy()
        policy["Statement"].append(denied)
        admin_keys = _user(iam, "admin", {"Version": "2012-10-17", "Statement": [admin]})
        keys = _user(iam, _USER, policy)
        _client("s3", endpoint, "setup", "setup").create_bucket(Bucket=BUCKET)
        kind = {"Content-Type": "text/plain"}
        reset = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", b"0", kind)
        urllib.request.urlopen(reset).close()
        yield S3Server(endpoint, *keys, *admin_keys)


@contextmanager
def seaweed_server(folder: Path) -> Iterator[S3Server]:
    """Start SeaweedFS with its data in an empty folder."""
    names = ("master", "volume", "filer", "s3")
    ports = [f"-{name}.port{kind}" for name in names for kind in ("", ".grpc")]
    numbers = dict(zip(ports, _free_ports(len(ports)), strict=True))
    server = S3Server(f"http://127.0.0.1:{numbers['-s3.port']}", "user", "word", "user", "word")
    identity = {
        "name": "user",
        "credentials": [{"accessKey": server.key, "secretKey": server.secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "identities.json"
    config.write_text(json.dumps({"identities": [identity]}))
    command = [
        str(Path(sys.executable).with_name("weed")),
        *("server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *("-s3", f"-s3.config={config}", "-s3.autoCreateBucket=false"),
        *("-volume.max=400", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"{port}={number}" for port, number in numbers.items()),
    ]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("wb"))
        stack.enter_context(_process(command, stdout=log, stderr=log))
        _until_it_answers(lambda: server.admin().create_bucket(Bucket=BUCKET))
        yield server


def _user(iam: Any, name: str, policy: dict[str, Any]) -> tuple[str, str]:
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    return keys["AccessKeyId"], keys["SecretAccessKey"]


@cache
def _client(service: str, endpoint: str, key: str, secret: str) -> Any:
    return boto3.session.Session(key, secret, region_name="us-east-1").client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=30),
    )


@contextmanager
def _process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    if killer := shutil.which("setpriv"):  # the server ends with the tests, however these end
        command = [killer, "--pdeathsig", "TERM", *command]
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _until_it_answers(request: Any, patience_s: float = 60) -> None:
    until = time.monotonic() + patience_s
    while True:
        try:
            request()
        except Exception:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)  # a starting server offers nothing to wait on
        else:
            return


def _serve_moto() -> None:
    """Serve moto on a free port, which is printed; one request at a time.

    moto checks for the key and then writes it; only a lock makes its conditional put atomic.
    """
    from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    application, lock = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def one_at_a_time(environ: Any, start_response: Any) -> list[bytes]:
        with lock:
            return list(application(environ, start_response))

    handler = type("Quiet", (MotoRequestHandler,), {"log": lambda *_: None})
    server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=handler)
    os.environ["MOTO_PORT"] = str(server.port)
    print(server.port, flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    _serve_moto()
