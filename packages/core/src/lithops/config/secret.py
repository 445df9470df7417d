"""A text that is never shown: a password, a key, a token."""

from __future__ import annotations

from typing import Any, NoReturn

from lithops.errors import SerializationError

__all__ = ["Secret"]

_SHOWN = "***"


class Secret:
    """Holds a text that `reveal()` alone gives back; printing, formatting, pickling and JSON do not.

    Equal only to another `Secret` of the same text, compared in constant time.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str | Secret) -> None:
        if isinstance(text, Secret):
            text = text.reveal()
        if not isinstance(text, str):
            raise TypeError(f"a secret should be a text, not {type(text).__name__}: put it in quotes")
        self.__text = text

    def reveal(self) -> str:
        """Give the text, to hand it to an SDK and to nothing else."""
        return self.__text

    def __repr__(self) -> str:
        return _SHOWN

    def __format__(self, spec: str) -> str:
        return format(_SHOWN, spec)

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest  # its import costs, and secrets are rarely compared

        return compare_digest(
            self.__text.encode("utf-8", "surrogatepass"), other.__text.encode("utf-8", "surrogatepass")
        )

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: Any) -> Secret:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise SerializationError(
            "cannot pickle a secret of the configuration: give the worker its credentials by its platform, or pass"
            " secret.reveal() on purpose"
        )

    def __getstate__(self) -> NoReturn:
        self.__reduce_ex__(0)
