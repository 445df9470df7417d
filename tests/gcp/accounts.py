"""Service accounts that are made up: their key files ask the server of `tests/emulators` for tokens."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

__all__ = ["key_file", "private_key"]


@cache
def private_key() -> str:
    """Make a key, once in a process."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_file(folder: Path, server: str, name: str = "tests") -> str:
    """Write the key file of the account `name`: `wrong`, `skewed` and `refused` are those that the server knows."""
    path = folder / f"{name}.json"
    info = {
        "type": "service_account",
        "project_id": "lithops-tests",
        "private_key_id": "1",
        "private_key": private_key(),
        "client_email": f"{name}@lithops-tests.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{server}/lithops-tests/token",
    }
    path.write_text(json.dumps(info), encoding="utf-8")
    return str(path)
