"""A secret is given back by reveal() and by nothing else."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import pprint

import cloudpickle
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithops.config.secret import Secret
from lithops.errors import SerializationError

PLANTED = "pl4nted-s3cret"


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(PLANTED)),
        str(Secret(PLANTED)),
        f"{Secret(PLANTED)}{Secret(PLANTED)!r:>9}{Secret(PLANTED):<5}",
        "%s %r" % (Secret(PLANTED), [Secret(PLANTED)]),  # noqa: UP031 - the form is what is tested
        pprint.pformat({"a": Secret(PLANTED)}),
        logging.LogRecord("x", 1, "f", 1, "%s %r", (Secret(PLANTED), Secret(PLANTED)), None).getMessage(),
        json.dumps({"a": Secret(PLANTED)}, default=str),
        " ".join(dir(Secret(PLANTED))),
    ],
)
def test_no_form_of_printing_shows_the_text(shown: str) -> None:
    assert PLANTED not in shown
    assert "***" in shown or "reveal" in shown


@given(st.text())
def test_reveal_gives_the_text_back(text: str) -> None:
    assert Secret(text).reveal() == text
    assert Secret(Secret(text)).reveal() == text
    assert bool(Secret(text)) is bool(text)


@given(st.text(), st.text())
def test_secrets_are_equal_when_their_texts_are(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) is (one == other)
    assert hash(Secret(one)) == hash(Secret(one))


def test_a_secret_is_not_equal_to_its_text() -> None:
    assert Secret(PLANTED) != PLANTED
    assert PLANTED not in {Secret(PLANTED)}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(SerializationError, match="secret"):
        pickle.dumps({"key": Secret(PLANTED)}, protocol)
    with pytest.raises(SerializationError):
        cloudpickle.dumps([Secret(PLANTED)])


def test_a_secret_cannot_be_made_json() -> None:
    with pytest.raises(TypeError):
        json.dumps({"key": Secret(PLANTED)})
    with pytest.raises(TypeError):
        msgspec.json.encode({"key": Secret(PLANTED)})


def test_copies_of_a_configuration_keep_its_secrets() -> None:
    config = {"a": {"key": Secret(PLANTED)}}
    assert copy.deepcopy(config) == config
    assert copy.copy(config["a"]["key"]) is config["a"]["key"]


@pytest.mark.parametrize("value", [None, 12345, b"bytes", ["list"]])
def test_only_a_text_can_be_a_secret(value: object) -> None:
    with pytest.raises(TypeError, match="text") as caught:
        Secret(value)  # type: ignore[arg-type]
    assert "12345" not in str(caught.value)
