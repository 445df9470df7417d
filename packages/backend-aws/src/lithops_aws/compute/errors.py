"""What the failures of AWS's control plane mean: botocore's exceptions, and the codes of answers, as our errors.

A message of AWS is passed on, but for those about signatures: they repeat the request's headers, tokens among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as sdk

from lithops.errors import AccessDeniedError, BackendError, ThrottledError, TransientError

__all__ = ["code_of", "error_of", "translate", "translated"]

_UNKNOWN_KEYS = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "EC2AccessDeniedException",
    "KMSAccessDeniedException",
    "NotAuthorized",
    "OptInRequired",
    "UnauthorizedOperation",
}
_THROTTLED = {
    "EC2ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
}
_PASSING = {  # of the function's own state, or of the platform
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "ResourceConflictException",
    "ResourceInUseException",
    "ResourceNotReadyException",
    "ServiceException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
}
_CLOCK = ("Signature expired", "Signature not yet current", "RequestTimeTooSkewed", "too skewed")
_ADVICE = {
    "CodeStorageExceededException": "delete runtimes that are not used ('lithops runtime list', 'lithops runtime delete')",
    "EFSMountConnectivityException": "check 'efs' and 'vpc': the function's subnets and groups must reach the file system",
    "EFSMountFailureException": "check 'efs': the access point, and the role's permission to mount it",
    "EFSMountTimeoutException": "check 'efs' and 'vpc': the file system did not answer in time",
    "InvalidSecurityGroupIDException": "check the groups of 'vpc' in the section aws_lambda",
    "InvalidSubnetIDException": "check the subnets of 'vpc' in the section aws_lambda",
    "KMSDisabledException": "enable the key that encrypts the function's environment",
    "KMSInvalidStateException": "check the state of the key that encrypts the function's environment",
    "KMSNotFoundException": "the key that encrypts the function's environment is gone: deploy the runtime again",
    "RequestEntityTooLargeException": "give the functions smaller inputs, or let them read from the storage",
    "ResourceNotFoundException": "deploy it by 'lithops runtime deploy', and check 'region'",
}


def error_of(
    code: str, status: int, message: str = "", *, what: str = "", retry_after_s: float | None = None
) -> BackendError:
    """Make the error of an answer: `code` as AWS names it, the HTTP `status`, and what was tried, in words."""
    tried = what or "a request to AWS"
    said = f"{tried} failed: {message or 'no reason was given'} ({code or status})"
    if code in _UNKNOWN_KEYS:
        if any(text in message or text == code for text in _CLOCK):
            return AccessDeniedError(f"{tried} was refused ({code}): this machine's clock is wrong; set it")
        if code.startswith(("Expired", "RequestExpired")):
            return AccessDeniedError(f"{tried} was refused: the credentials have expired ({code}); log in again")
        return AccessDeniedError(f"{tried} was refused: AWS does not accept the credentials ({code}); check them")
    if code in _DENIED or (status == 403 and code not in _ADVICE):
        return AccessDeniedError(f"{said}; 'lithops policy aws_lambda' prints the permissions that are needed")
    if code in _THROTTLED or status == 429:
        return ThrottledError(f"{said}; fewer requests at once are made now", retry_after_s)
    if code in _ADVICE:
        return BackendError(f"{said}; {_ADVICE[code]}")
    if code in _PASSING or status >= 500:
        error = TransientError(f"{said}; it is tried again")
        error.retry_after_s = retry_after_s
        return error
    return BackendError(f"{said}; check the section aws_lambda of the configuration")


def translate(exc: BaseException, what: str = "") -> BackendError | None:
    """Turn an exception of botocore into ours; None when it is a stranger's. `what` says what was tried."""
    if isinstance(exc, BackendError):
        return exc
    tried = what or "a request to AWS"
    if isinstance(exc, sdk.ClientError):
        answer = exc.response.get("ResponseMetadata", {})
        told = exc.response.get("Error", {})
        message = str(told.get("Message") or exc.response.get("message") or "")
        after = _seconds(answer.get("HTTPHeaders", {}).get("retry-after"))
        return error_of(code_of(exc), int(answer.get("HTTPStatusCode", 0)), message, what=what, retry_after_s=after)
    if isinstance(exc, sdk.NoCredentialsError | sdk.PartialCredentialsError | sdk.CredentialRetrievalError):
        return AccessDeniedError(
            f"{tried} was not made: no AWS credentials were found ({type(exc).__name__}); run 'aws configure', or set "
            "'access_key_id' and 'secret_access_key' in the section aws"
        )
    if isinstance(exc, sdk.SSLError) and "CERTIFICATE" in str(exc):
        return BackendError(f"{tried} failed: the server's certificate is not trusted here ({exc}); check the proxy")
    if isinstance(exc, sdk.HTTPClientError | sdk.ConnectionError):
        return TransientError(f"{tried} failed: {exc}; check the network and 'region'")
    if isinstance(exc, sdk.BotoCoreError):
        return BackendError(f"{tried} was not made: {exc}; check the section aws_lambda of the configuration")
    return None


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise what botocore raises as our error; `what` says what was tried."""
    try:
        yield
    except (sdk.ClientError, sdk.BotoCoreError) as exc:
        error = translate(exc, what)
        assert error is not None
        raise error from exc


def code_of(exc: sdk.ClientError) -> str:
    """Give AWS's name of an error."""
    code = str(exc.response.get("Error", {}).get("Code") or "")
    return code.rpartition("#")[2].partition(":")[0]


def _seconds(header: object) -> float | None:
    try:
        return max(0.0, float(str(header))) if header is not None else None
    except ValueError:  # a date: the engine's own delays do
        return None
