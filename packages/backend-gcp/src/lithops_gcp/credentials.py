"""Who asks: credentials of a file that the configuration names, those that Google's SDK finds, or nobody's."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import google.auth
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError

from lithops.errors import AccessDeniedError

__all__ = ["Identity", "anonymous", "find", "load"]

_KINDS = {
    "service_account": ("google.oauth2.service_account", "from_service_account_info"),
    "authorized_user": ("google.oauth2.credentials", "from_authorized_user_info"),
}


class Identity(NamedTuple):
    """Credentials of google-auth, and the project that they name, if any."""

    credentials: Any
    project: str | None


def anonymous() -> Identity:
    """Give the credentials that ask emulators."""
    return Identity(AnonymousCredentials(), None)  # type: ignore[no-untyped-call]


def find() -> Identity:
    """Find the credentials of this process: GOOGLE_APPLICATION_CREDENTIALS, gcloud's, or this machine's own.

    Raises `google.auth.exceptions.DefaultCredentialsError` when there are none. May ask the metadata server.
    """
    credentials, project = google.auth.default()
    return Identity(credentials, project)


def load(path: str) -> Identity:
    """Read the file of a service account, or that of gcloud's application-default login. Sends no request.

    Raises `AccessDeniedError`, which shows nothing of what is in the file.
    """
    try:
        with open(path, encoding="utf-8") as file:
            info = json.load(file)
    except OSError as exc:
        raise _unusable(path, str(exc.strerror)) from exc
    except ValueError:  # the exception has the file's text in it
        raise _unusable(path, "it is no JSON") from None
    kind = info.get("type") if isinstance(info, dict) else None
    if kind not in _KINDS:
        raise _unusable(
            path, f'its "type" is none of {", ".join(_KINDS)}; set GOOGLE_APPLICATION_CREDENTIALS for others'
        )
    from importlib import import_module

    module, maker = _KINDS[kind]
    try:
        credentials = getattr(import_module(module).Credentials, maker)(info)
    except (GoogleAuthError, ValueError) as exc:
        raise _unusable(path, f"{type(exc).__name__}, a field of it is missing or malformed") from None
    return Identity(credentials, info.get("project_id") or info.get("quota_project_id"))


def _unusable(path: str, why: str) -> AccessDeniedError:
    return AccessDeniedError(
        f"cannot use the credentials of '{path}': {why}; let 'credentials_path' name the key file of a service account"
    )
