"""Local modules reach a worker: a real client program, and a real worker in another folder, for each way of import."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

RUN = '''
def run(function, *args, **options):
    """Run a function in a worker that has nothing of this program's folder; print what travelled; give the result."""
    import pickle, subprocess, sys, tempfile
    import cloudpickle
    from lithops.jobs.modules import bundle, find
    packed = bundle(find(function, **options))
    print(*(packed.files if packed else ()))
    with tempfile.TemporaryDirectory() as home:
        worker = """
import pickle, sys
import cloudpickle
from lithops.worker import modules
digest, data, function, args, home = pickle.load(sys.stdin.buffer)
if digest:
    modules.install(digest, data, home)
result = pickle.loads(function)(*pickle.loads(args))
sys.stdout.buffer.write(cloudpickle.dumps(result))
"""
        modules = (packed.digest, packed.data) if packed else (None, None)
        message = (*modules, cloudpickle.dumps(function), cloudpickle.dumps(args), home)
        command = [sys.executable, "-P", "-c", worker]
        done = subprocess.run(command, input=pickle.dumps(message), capture_output=True, cwd=home, timeout=30, env={})
        if done.returncode:
            raise SystemExit(done.stderr.decode())
        return pickle.loads(done.stdout)
'''

PACKAGE = {
    "shop/__init__.py": "from .prices import price\n",
    "shop/prices.py": (
        "from importlib.resources import files\n"
        "from pathlib import Path\n"
        "from . import deep\n"
        "import taxes\n"
        "def price(name):\n"
        "    from .deep import lazy\n"
        "    here = Path(__file__).with_name('prices.txt').read_text()\n"
        "    assert here == (files('shop') / 'prices.txt').read_text()\n"
        "    return int(here) * taxes.RATE * lazy.FACTOR\n"
    ),
    "shop/prices.txt": "7",
    "shop/deep/__init__.py": "",
    "shop/deep/lazy.py": "FACTOR = 10\n",
    "shop/.env": "SECRET=1",
    "shop/__pycache__/x.pyc": "",
    "taxes.py": "RATE = 2\n",
    "unused.py": "",
}
SHOP = ["shop/__init__.py", "shop/deep/__init__.py", "shop/deep/lazy.py", "shop/prices.py", "shop/prices.txt"]


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def client(folder: Path, program: str, *options: str, files: Mapping[str, str] = PACKAGE) -> list[str]:
    """Run a program with `run`, beside files; give the lines that it prints."""
    write(folder, files)
    (folder / "program.py").write_text(program + "\n" + RUN + "\nif __name__ == '__main__':\n    main()\n")
    command = [sys.executable, *(options or ["program.py"])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "function",
    [
        "import shop\nfunction = lambda name: shop.price(name)",
        "from shop import price as function",
        "import shop.prices\ndef function(name): return shop.prices.price(name)",
        "from shop import prices\nclass S:\n    def sell(self, name): return prices.price(name)\nfunction = S().sell",
        "import functools, shop\nfunction = functools.partial(lambda price, name: price(name), shop.price)",
        "def function(name):\n    from shop import prices\n    return prices.price(name)",
        "def function(name):\n    import importlib\n    return importlib.import_module('shop.prices').price(name)",
    ],
)
def test_a_package_travels_whole_however_a_function_refers_to_it(tmp_path: Path, function: str) -> None:
    printed = client(tmp_path, f"{function}\ndef main(): print(run(function, 'tea'))")
    assert printed == [" ".join([*SHOP, "taxes.py"]), "140"]


def test_a_function_of_a_program_alone_takes_nothing(tmp_path: Path) -> None:
    program = "import shop, json\ndef function(x): return json.loads(x)\ndef main(): print(run(function, '[1]'))"
    assert client(tmp_path, program) == ["", "[1]"]


def test_a_program_run_by_its_module_name_imports_relatively(tmp_path: Path) -> None:
    function = "from shop import deep\ndef function(name):\n    from .prices import price\n    return price(name)\n"
    files = {**PACKAGE, "shop/program.py": function + RUN + "\nprint(run(function, 'tea'))\n"}
    printed = client(tmp_path, "", "-m", "shop.program", files=files)
    assert printed == [" ".join(sorted([*SHOP, "shop/program.py", "taxes.py"])), "140"]


def test_a_namespace_package_travels(tmp_path: Path) -> None:
    files = {"plain/tools.py": "from plain import more\nX = more.Y", "plain/more.py": "Y = 3"}
    program = "import plain.tools\nfunction = lambda: plain.tools.X\ndef main(): print(run(function))"
    assert client(tmp_path, program, files=files) == ["plain/more.py plain/tools.py", "3"]


def test_a_package_in_a_zip_on_the_path_travels(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        archive.writestr("zipped/__init__.py", "from .inner import X\nimport beside")
        archive.writestr("zipped/inner.py", "X = 4")
        archive.writestr("zipped/data.txt", "")
        archive.writestr("beside.py", "")
        archive.writestr("unused.py", "")
    program = (
        "import sys\nsys.path.insert(0, 'shop.zip')\n"
        "import zipped\nfunction = lambda: zipped.X\ndef main(): print(run(function))"
    )
    printed = client(tmp_path, program, files={})
    assert printed == ["beside.py zipped/__init__.py zipped/data.txt zipped/inner.py", "4"]


def test_a_local_module_wins_over_an_installed_one(tmp_path: Path) -> None:
    program = "import yaml\nfunction = lambda: yaml.MINE\ndef main(): print(run(function))"
    assert client(tmp_path, program, files={"yaml.py": "MINE = 5"}) == ["yaml.py", "5"]


def test_a_module_under_two_names_travels_under_both(tmp_path: Path) -> None:
    program = (
        "import sys\nsys.path.append('shop')\nimport shop.deep.lazy, deep\n"
        "def function(): return shop.deep.lazy.FACTOR, deep.__name__\ndef main(): print(run(function))"
    )
    printed = client(tmp_path, program)
    assert printed == [" ".join(["deep/__init__.py", "deep/lazy.py", *SHOP, "taxes.py"]), "(10, 'deep')"]


def test_a_module_loaded_from_a_path_under_another_name_travels_under_it(tmp_path: Path) -> None:
    program = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('odd.name', 'taxes.py')\n"
        "module = importlib.util.module_from_spec(spec)\nsys.modules['odd.name'] = module\n"
        "spec.loader.exec_module(module)\n"
        "def function():\n    import odd.name\n    return odd.name.RATE\ndef main(): print(run(function))"
    )
    assert client(tmp_path, program) == ["odd/name.py", "2"]


def test_editable_projects_travel_with_their_version_and_installed_ones_do_not(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "site-packages"
    project = tmp_path / "project"
    info = "Metadata-Version: 2.1\nName: mine\nVersion: 1.5\n"
    direct = f'{{"url": "file://{project}", "dir_info": {{"editable": true}}}}'
    write(site, {"mine-1.5.dist-info/METADATA": info, "mine-1.5.dist-info/direct_url.json": direct, "theirs.py": ""})
    write(
        project, {"src/mine/__init__.py": "import theirs\nfrom importlib.metadata import version\nV = version('mine')"}
    )
    target = tmp_path / "target"
    write(target, {"put.py": "", "put-1.dist-info/RECORD": "put.py,,\nput-1.dist-info/RECORD,,\n", "own.py": ""})
    program = (
        f"import sys\nsys.path[1:1] = ['{site}', '{project}/src', '{target}']\nimport mine, put, own\n"
        "def function(): return mine.V, put, own\n"
        "def main():\n    from lithops.jobs.modules import travelling\n    print(*travelling(function))\n"
    )
    printed = client(tmp_path, program, files={})
    assert printed == ["mine-1.5.dist-info/METADATA mine/__init__.py own.py"]


def test_classes_come_back_as_the_classes_of_the_program(tmp_path: Path) -> None:
    program = """
import dataclasses, enum
from goods import Good
@dataclasses.dataclass
class Box:
    goods: list
class Colour(enum.Enum):
    RED = 1
class Broken(Exception): pass
def function(box, colour): return Box([*box.goods, Good(2)]), colour, Broken('x'), Box, function
def main():
    box, colour, broken, cls, again = run(function, Box([Good(1)]), Colour.RED)
    print(type(box) is Box, colour is Colour.RED, type(broken) is Broken, cls is Box, type(box.goods[1]) is Good)
    print(again is function, box == Box([Good(1), Good(2)]))
"""
    good = "import dataclasses\n@dataclasses.dataclass\nclass Good:\n    size: int\n"
    printed = client(tmp_path, program, files={"goods.py": good})
    assert printed == ["goods.py", "True True True True True", "False True"]


def test_a_class_that_only_the_worker_has_seen_comes_back_by_value(tmp_path: Path) -> None:
    program = """
def function():
    class Inner:
        x = 1
    return Inner()
def main():
    result = run(function)
    print(type(result).__name__, result.x)
"""
    assert client(tmp_path, program, files={}) == ["", "Inner 1"]


def test_a_program_from_standard_input_finds_modules_as_a_notebook_does(tmp_path: Path) -> None:
    write(tmp_path, PACKAGE)
    program = (
        RUN
        + "\nfrom shop import price\nclass Shop:\n    def sell(self): return price('tea')\nprint(run(Shop().sell))\n"
    )
    done = subprocess.run([sys.executable], input=program, cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert done.stdout.splitlines() == [" ".join([*SHOP, "taxes.py"]), "140"], done.stderr
