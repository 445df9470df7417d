"""Each plugin stands for itself: what one does wrong is quoted when it is asked for, and disturbs no other."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from lithops.errors import ConfigError, PluginError, UnknownBackendError
from lithops.plugins import Registry
from lithops.plugins.entrypoints import EntryPoint
from lithops.spi.hooks import BackendInfo, JobEvent, hookimpl
from lithops.spi.version import SPI_VERSION

EVENT = JobEvent("e", "j", "f", 1, 0.0)


def info(name: str, **more: Any) -> BackendInfo:
    return BackendInfo(name=name, factory="acme.compute:Acme", config="acme.config:Acme", **more)


class Plugin:
    """A plugin that describes what it is given."""

    def __init__(self, *compute: Any, storage: Iterable[Any] = ()) -> None:
        self.compute = compute
        self.storage = storage

    @hookimpl
    def lithops_compute_backends(self) -> Any:
        return self.compute

    @hookimpl
    def lithops_storage_backends(self) -> Any:
        return self.storage


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Registry]:
    """Load plugins by entry points, as if each were a module of a distribution `lithops-backend-<name>`."""

    def load(plugins: dict[str, object], only: str = "") -> Registry:
        entries = []
        for name, plugin in plugins.items():
            monkeypatch.setitem(sys.modules, f"fake_{name}", SimpleNamespace(plugin=plugin))
            entries.append(EntryPoint(name, f"fake_{name}:plugin", f"lithops-backend-{name}", "1.0"))
        registry = Registry()
        registry.load(entries, {"LITHOPS_PLUGINS": only})
        return registry

    return load


Load = Callable[..., Registry]


def states(registry: Registry) -> dict[str, str]:
    return {status.plugin: status.status for status in registry.statuses()}


def test_a_backend_is_found_by_name_and_alias(load: Load) -> None:
    registry = load({"acme": Plugin(info("acme", aliases=("acme2", "a")), storage=[info("store", scheme="ac")])})
    assert registry.compute("acme") is registry.compute("a")
    assert registry.storage("store") is registry.storage_for_scheme("ac") is registry.storage_for_scheme("store")
    (status,) = registry.statuses()
    assert [(one.kind, one.name, one.mode) for one in status.backends] == [
        ("compute", "acme", "serverless"),
        ("storage", "store", "serverless"),
    ]
    assert (status.distribution, status.version, status.status) == ("lithops-backend-acme", "1.0", "ok")


def test_the_kinds_do_not_mix(load: Load) -> None:
    registry = load({"acme": Plugin(info("acme"), storage=[info("store")])})
    with pytest.raises(UnknownBackendError, match="There is a storage backend of this name"):
        registry.compute("store")
    with pytest.raises(UnknownBackendError):
        registry.machines("acme")


def test_an_unknown_name_tells_what_was_meant_and_what_is_installed(load: Load) -> None:
    registry = load({"acme": Plugin(info("acme_functions"))})
    with pytest.raises(UnknownBackendError, match=r"did you mean 'acme_functions'\?.* acme_functions") as caught:
        registry.compute("acme_function")
    assert isinstance(caught.value, ConfigError)
    with pytest.raises(UnknownBackendError, match="pip install"):
        registry.compute("zzz")


@pytest.mark.parametrize("name", [None, 3, b"acme"])
def test_a_name_that_is_no_text_is_an_error(load: Load, name: Any) -> None:
    with pytest.raises(ConfigError):
        load({"acme": Plugin(info("acme"))}).compute(name)


def generator_that_fails() -> Iterator[BackendInfo]:
    yield info("bad")
    raise RuntimeError("half way")


RUBBISH: Sequence[Any] = [
    (None,),
    ("acme",),
    (info("bad"), info("bad")),
    (info("bad", aliases=("x", "x")),),
    (info("bad", aliases=["x"]),),
    (info("bad", aliases=(3,)),),
    (info("bad", mode="cloudy"),),
    (info("bad", scheme=3),),
    (info("bad", spi_version="1"),),
    (info(""),),
    (info("two words"),),
    (info("lithops"),),
    (BackendInfo("bad", factory="acme", config="acme:Acme"),),
    (BackendInfo("bad", factory="acme:Acme", config=None),),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("rubbish", RUBBISH, ids=repr)
def test_a_plugin_that_describes_rubbish_is_disabled_alone(load: Load, rubbish: Any) -> None:
    registry = load({"bad": Plugin(*rubbish), "good": Plugin(info("good"))})
    assert states(registry) == {"bad": "broken", "good": "ok"}
    assert registry.compute("good").name == "good"
    with pytest.raises(UnknownBackendError, match=r"plugin 'bad' of lithops-backend-bad 1.0 is broken: \w+Error: .+"):
        registry.compute("bad")


class Failing:
    def __init__(self, error: type[BaseException]) -> None:
        self.error = error

    @hookimpl
    def lithops_compute_backends(self) -> Any:
        raise self.error("first line\nsecond line")

    @hookimpl
    def lithops_job_started(self, event: JobEvent) -> None:
        raise AssertionError("an observer of a disabled plugin was called")


@pytest.mark.parametrize("error", [ValueError, SystemExit, RecursionError, ImportError])
def test_a_plugin_whose_hook_raises_is_disabled_with_all_its_hooks(load: Load, error: type[BaseException]) -> None:
    registry = load({"bad": Failing(error), "good": Plugin(info("good"))})
    assert states(registry) == {"bad": "broken", "good": "ok"}
    assert not registry.observes("lithops_job_started")
    registry.hook.lithops_job_started(event=EVENT)
    with pytest.raises(UnknownBackendError, match=f"{error.__name__}: first line") as caught:
        registry.compute("bad_functions")
    assert "second line" not in str(caught.value)


def test_ctrl_c_stops_loading(load: Load) -> None:
    with pytest.raises(KeyboardInterrupt):
        load({"bad": Failing(KeyboardInterrupt)})


def test_a_module_that_cannot_be_imported_is_broken() -> None:
    registry = Registry()
    entry = EntryPoint("absent", "no_such_package.plugin", "lithops-backend-absent", "1")
    registry.load([entry, entry._replace(value="os:absent"), entry._replace(value="os")], {})
    assert [status.status for status in registry.statuses()] == ["broken"] * 3
    with pytest.raises(UnknownBackendError, match="No module named 'no_such_package'"):
        registry.compute("absent")


class Misspelt(Plugin):
    @hookimpl
    def lithops_job_startd(self, event: JobEvent) -> None: ...


class OfNewerCore(Plugin):
    @hookimpl(optionalhook=True)
    def lithops_from_the_future(self) -> None: ...


class WrongArguments(Plugin):
    @hookimpl
    def lithops_job_started(self, job: JobEvent) -> None: ...


class Wrapper(Plugin):
    @hookimpl(wrapper=True)
    def lithops_job_started(self, event: JobEvent) -> Iterator[None]:
        yield


@pytest.mark.parametrize(
    ("plugin", "said"), [(Misspelt, "lithops_job_started"), (WrongArguments, "job"), (Wrapper, "")]
)
def test_a_plugin_with_a_wrong_hook_is_broken(load: Load, plugin: type[Plugin], said: str) -> None:
    registry = load({"bad": plugin(info("bad")), "good": Plugin(info("good"))})
    assert states(registry) == {"bad": "broken", "good": "ok"}
    assert said in registry.statuses()[0].error


def test_an_optional_hook_of_a_newer_core_is_no_fault(load: Load) -> None:
    assert states(load({"new": OfNewerCore(info("new"))})) == {"new": "ok"}


@pytest.mark.parametrize(
    ("version", "side"), [(SPI_VERSION + 1, "lithops-core"), (SPI_VERSION - 1, "lithops-backend-bad")]
)
def test_another_version_of_the_contract_is_refused_with_the_side_to_upgrade(
    load: Load, version: int, side: str
) -> None:
    registry = load({"bad": Plugin(info("x", spi_version=version)), "good": Plugin(info("good"))})
    assert states(registry) == {"bad": "refused", "good": "ok"}
    with pytest.raises(PluginError, match=f"pip install --upgrade {side}") as caught:
        registry.compute("x")
    assert not isinstance(caught.value, UnknownBackendError)


def test_two_plugins_with_one_name_are_an_error_for_that_name_only(load: Load) -> None:
    registry = load({"a": Plugin(info("x"), info("a")), "b": Plugin(info("b", aliases=("x",)), storage=[info("a")])})
    with pytest.raises(PluginError, match=r"lithops-backend-a 1.0 and .* lithops-backend-b 1.0"):
        registry.compute("x")
    assert registry.compute("a").name == "a"
    assert registry.compute("b").name == "b"
    assert registry.storage("a").name == "a"
    assert states(registry) == {"a": "duplicate", "b": "duplicate"}


def test_two_storages_of_one_scheme_are_an_error_for_the_scheme_only(load: Load) -> None:
    registry = load({name: Plugin(storage=[info(name, scheme="s")]) for name in ("a", "b")})
    with pytest.raises(PluginError, match="URL scheme"):
        registry.storage_for_scheme("s")
    assert registry.storage("a").name == "a"


def test_one_module_by_two_distributions_is_no_clash(load: Load) -> None:
    plugin = Plugin(info("x"))
    registry = load({"new": plugin, "old": plugin})
    assert registry.compute("x").name == "x"
    assert states(registry) == {"new": "ok", "old": "duplicate"}


def test_a_plugin_that_is_left_out_is_named_when_its_backend_is_asked_for(load: Load) -> None:
    registry = load({"acme": Plugin(info("acme_x")), "good": Plugin(info("good"))}, only="-acme")
    assert states(registry) == {"acme": "disabled", "good": "ok"}
    with pytest.raises(UnknownBackendError, match="left out by LITHOPS_PLUGINS=-acme"):
        registry.compute("acme_x")


def test_a_plugin_that_is_left_out_is_not_imported() -> None:
    registry = Registry()
    registry.load([EntryPoint("bad", "no_such_package", "bad", "1")], {"LITHOPS_PLUGINS": "none"})
    assert states(registry) == {"bad": "disabled"}


class Observer:
    def __init__(self) -> None:
        self.seen: list[JobEvent] = []

    @hookimpl
    def lithops_job_started(self, event: JobEvent) -> None:
        self.seen.append(event)


class FailingObserver:
    @hookimpl
    def lithops_job_started(self) -> None:
        raise RuntimeError("observer")


def test_observers_are_told_and_do_not_disturb_each_other(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    first, last = Observer(), Observer()
    registry = load({"a": first, "b": FailingObserver(), "c": last})
    assert registry.observes("lithops_job_started")
    assert not registry.observes("lithops_call_settled")
    registry.notify("lithops_job_started", event=EVENT)
    assert first.seen == last.seen == [EVENT]
    assert "plugin b" in caplog.text


def test_a_plugin_of_this_process_is_like_an_installed_one(load: Load) -> None:
    registry = load({"acme": Plugin(info("acme"))})
    mine = Observer()
    registry.register(Plugin(info("mine")), "mine")
    registry.register(mine, "observer")
    assert registry.compute("mine").name == "mine"
    assert registry.observes("lithops_job_started")
    with pytest.raises(PluginError, match="already"):
        registry.register(Plugin(info("other")), "mine")
    with pytest.raises(PluginError, match="same as"):
        registry.register(mine, "again")
    with pytest.raises(PluginError, match="cannot be used"):
        registry.register(Plugin(None), "bad")
    with pytest.raises(PluginError, match="no hooks"):
        registry.register(object(), "nothing")
    assert states(registry) == {"acme": "ok", "mine": "ok", "observer": "ok"}


def test_a_missing_sdk_names_the_extra_else_the_distribution(load: Load) -> None:
    plain = BackendInfo("plain", factory="no_such_sdk.x:X", config="a:B")
    extra = BackendInfo("extra", factory="msgspec.absent.x:X", config="a:B", extra="lithops-backend-x[big]")
    registry = load({"x": Plugin(plain, extra)})
    assert registry.install_name(plain) == "lithops-backend-x"
    assert registry.install_name(extra) == "lithops-backend-x[big]"
    registry.register(Plugin(info("mine")), "mine")
    assert registry.install_name(registry.compute("mine")) == ""


def test_the_factory_is_imported_only_when_asked_for(load: Load) -> None:
    good = BackendInfo("good", factory="collections:OrderedDict", config="a:B")
    registry = load({"x": Plugin(good)})
    assert registry.factory(registry.compute("good")).__name__ == "OrderedDict"


def test_plugins_may_be_registered_from_many_threads() -> None:
    registry = Registry()
    ready = threading.Barrier(8)

    def register(number: int) -> None:
        ready.wait(10)
        for at in range(20):
            registry.register(Plugin(info(f"b{number}-{at}")), f"p{number}-{at}")

    threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(registry.backends("compute")) == 160
    assert registry.compute("b7-19").name == "b7-19"
