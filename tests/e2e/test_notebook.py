"""The notebook of examples/ runs in a real kernel, from its first cell to its last, and shows what is true."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("matplotlib")

TOUR = Path(__file__).parents[2] / "examples" / "tour.ipynb"


def kernel_of_this_python(folder: Path) -> None:
    """Describe the kernel: the machine may have none that is installed, or one of another Python."""
    made = folder / "kernels" / "python3"
    made.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    described = str({"argv": argv, "display_name": "Python 3", "language": "python"}).replace("'", '"')
    (made / "kernel.json").write_text(described, "utf-8")


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    kernel_of_this_python(tmp_path / "jupyter")
    for name in ("JUPYTER_PATH", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    notebook = nbformat.read(TOUR, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=30, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    return client.execute()


def cell_of(notebook: Any, text: str) -> Any:
    """Give the cell of code that contains this text."""
    (cell,) = [one for one in notebook.cells if one.cell_type == "code" and text in one.source]
    return cell


def images(notebook: Any, text: str) -> list[bytes]:
    """Give the images that a cell displays."""
    found = [one.data["image/png"] for one in cell_of(notebook, text).outputs if "image/png" in one.get("data", {})]
    return [base64.b64decode(one) for one in found]


def shown(notebook: Any, text: str) -> str:
    """Give what a cell prints, then its value; not what it displays, such as progress."""
    return "".join(
        output.text if output.output_type == "stream" else output.data["text/plain"]
        for output in cell_of(notebook, text).outputs
        if output.get("name") == "stdout" or output.output_type == "execute_result"
    )


@pytest.mark.timeout(90, method="signal")
def test_the_tour_shows_what_it_says(ran: Any, tmp_path: Path) -> None:
    assert shown(ran, "scale = 10") == "[0, 10, 20, 30, 40]"
    assert shown(ran, "map_reduce(") == str(10 * sum(range(100)))
    first, second, third = shown(ran, "1 / x").splitlines()
    assert (first, second) == ("raised here: division by zero", "0.25 True False")
    assert third.endswith(" seconds in the worker")
    assert shown(ran, "call_async(times, good)") == "2.5"
    assert shown(ran, "put_cloudobject") == "[b'buy bread', b'call Ada']\n"
    header, *jobs = shown(ran, "job_summary").splitlines()
    assert header.startswith("job,function,calls,failed")
    assert [job.split(",")[1:4] for job in jobs] == [
        ["times", "5", "0"],
        ["times", "100", "0"],
        ["sum", "1", "0"],
        ["invert", "2", "1"],
        ["times", "1", "0"],
        ["write", "2", "0"],
    ]
    (frame,) = cell_of(ran, "fexec.report(").outputs
    assert 'src="tour.html"' in frame.data["text/html"]
    assert (tmp_path / "tour.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert images(ran, "fexec.plot(") == [
        (tmp_path / f"tour_{name}.png").read_bytes() for name in ("timeline", "histogram")
    ]
    assert not [cell for cell in ran.cells if any(out.output_type == "error" for out in cell.get("outputs", ()))]


def test_the_tour_is_kept_without_outputs() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
