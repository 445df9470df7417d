"""Tokens of IAM: asked for once, again before they end, by one thread; a refusal is told and not tried again."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.contracts.storage.s3_contract import moto as moto
from tests.emulators.servers import HERE, Server, free_port, running

from lithops.config import Secret
from lithops.errors import AccessDeniedError, ThrottledError, TransientError
from lithops.testing import Answer, FaultProxy, HttpFault
from lithops.testing.storage.fixtures import read, together
from lithops_ibm.config import CosConfig
from lithops_ibm.storage import CosStorage
from lithops_ibm.tokens import IamTokens

KEY = "the-right-hunter2"
LIFE_S = 3600


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(scope="module")
def iam() -> Iterator[Server]:
    with running([sys.executable, "-P", str(HERE / "ibm_iam_server.py"), "{port}", KEY]) as server:
        yield server


@pytest.fixture
def proxy(iam: Server) -> Iterator[FaultProxy]:
    with FaultProxy(iam.url) as proxy:
        yield proxy


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(proxy: FaultProxy, clock: Clock) -> IamTokens:
    return IamTokens(Secret(KEY), f"{proxy.url}/identity/token", clock)


def test_many_threads_ask_for_one_token(tokens: IamTokens, proxy: FaultProxy) -> None:
    assert len(set(together(16, lambda _: tokens.get_token()))) == 1
    assert len(proxy.requests) == 1


def test_a_token_is_renewed_before_it_ends(tokens: IamTokens, proxy: FaultProxy, clock: Clock) -> None:
    first = tokens.get_token()
    assert first.count(".") == 2
    clock.now_s += LIFE_S * 0.7
    assert tokens.get_token() == first
    clock.now_s += LIFE_S * 0.2
    tokens.get_token()
    assert len(proxy.requests) == 2


def test_an_old_token_serves_while_iam_fails(tokens: IamTokens, proxy: FaultProxy, clock: Clock) -> None:
    first = tokens.get_token()
    proxy.plan(HttpFault(answer=Answer(503), times=None))
    clock.now_s += LIFE_S * 0.9
    assert tokens.get_token() == first
    clock.now_s += LIFE_S * 0.2
    with pytest.raises(ThrottledError):
        tokens.get_token()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (HttpFault(answer=Answer(500)), TransientError),
        (HttpFault(answer=Answer(429, headers={"Retry-After": "3"})), ThrottledError),
        (HttpFault(answer=Answer(403, b'{"errorCode": "BXNIM0400E"}')), AccessDeniedError),
        (HttpFault(answer=Answer(200, b"{}")), TransientError),
        (HttpFault(answer=Answer(200, b"no JSON")), TransientError),
        (HttpFault(resets=True), TransientError),
    ],
)
def test_a_failure_is_told_and_the_next_request_asks_again(
    tokens: IamTokens, proxy: FaultProxy, fault: HttpFault, kind: type[Exception]
) -> None:
    proxy.plan(fault)
    with pytest.raises(kind) as caught:
        tokens.get_token()
    assert type(caught.value) is kind
    assert KEY not in repr(caught.value)
    assert tokens.get_token()


def test_a_wrong_key_is_refused_at_once(iam: Server, moto: Server) -> None:
    def asked() -> int:
        with urllib.request.urlopen(f"{iam.url}/lithops-tests/asked", timeout=10) as answer:
            return int(json.load(answer)["asked"])

    config = CosConfig(endpoint=moto.url, region="us-east-1", api_key=Secret("wrong-hunter2"), iam_endpoint=iam.url)
    before = asked()
    with closing(CosStorage(config)) as store, pytest.raises(AccessDeniedError, match="BXNIM0415E") as caught:
        store.head("b-b", "k")
    assert "wrong-hunter2" not in repr(caught.value)
    assert asked() == before + 1


def test_an_iam_that_is_not_there_is_transient() -> None:
    with pytest.raises(TransientError, match="IAM"):
        IamTokens(Secret(KEY), f"http://127.0.0.1:{free_port()}/identity/token").get_token()


def test_a_store_asks_for_one_token_for_all_its_requests(moto: Server, proxy: FaultProxy) -> None:
    config = CosConfig(
        endpoint=moto.url,
        region="us-east-1",
        api_key=Secret(KEY),
        iam_endpoint=proxy.url,
        service_instance_id="crn:of:tests",
    )
    with closing(CosStorage(config)) as store:
        store.create_bucket("by-token")
        together(8, lambda number: store.put("by-token", f"k{number}", b"x"))
        assert read(store, "by-token", "k3") == b"x"
        store.delete("by-token", [f"k{number}" for number in range(8)])
    assert len(proxy.requests) == 1


def test_a_bucket_is_made_for_the_instance(moto: Server) -> None:
    with FaultProxy(moto.url) as cos:
        config = CosConfig(
            endpoint=cos.url,
            region="us-east-1",
            access_key_id="id",
            secret_access_key=Secret("x"),
            service_instance_id="crn:of:tests",
        )
        with closing(CosStorage(config)) as store:
            store.create_bucket("of-the-instance")
            store.put("of-the-instance", "k", b"x", if_absent=True)
        assert cos.requests[0].headers["ibm-service-instance-id"] == "crn:of:tests"
        assert cos.requests[1].headers["if-none-match"] == "*"
        assert "if-none-match" in cos.requests[1].headers["authorization"]
