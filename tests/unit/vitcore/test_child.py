"""Child processes with a JSON result, on modules of a few lines."""

from __future__ import annotations

import gc
import os
import textwrap

import psutil
import pytest

from tests.waiting import until
from vitcore.child import Child, ChildFailed, ChildTimedOut, TextFile
from vitcore.errors import UserError

ENDLESS = "import time\nwhile True: time.sleep(60)"


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start a child that runs the given lines of Python."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started = []

    def start(code, *arguments, limit_s=60, **options):
        name = f"tiny{len(started)}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
        started.append(Child(name, *arguments, name="The job", limit_s=limit_s, **options))
        return started[-1]

    yield start
    for child in started:
        child.cancel()


def ended(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def outcome(child):
    until(lambda: not child.running)
    return child.result()


def test_last_line_of_stdout_is_the_result(start):
    child = start("import sys\nprint('noise')\nprint('{\"x\": ' + sys.argv[1] + '}')", "3")
    assert outcome(child) == {"x": 3}
    assert outcome(child) == {"x": 3}


def test_progress_is_reported_and_is_not_the_error_of_a_failed_child(start):
    code = """
        import sys
        from vitcore.child import report_progress
        report_progress(6, 20)
        print("a warning", file=sys.stderr)
        report_progress(7, 20)
        sys.exit(int(sys.argv[1]))
    """
    child = start(code, "0")
    until(lambda: not child.running)
    assert child.progress == (7, 20)
    child.cancel()
    assert child.progress is None
    with pytest.raises(ChildFailed, match="a warning"):
        outcome(start(code, "1"))
    silent = start("print('{}')")
    outcome(silent)
    assert silent.progress is None


def test_text_file_is_passed_as_a_path_and_deleted_with_the_child(start):
    code = "import json, sys\nprint(json.dumps({'path': sys.argv[1], 'text': open(sys.argv[1]).read()}))"
    child = start(code, TextFile("config.yaml", "epochs: 3"))
    found = outcome(child)
    assert found["text"] == "epochs: 3"
    assert found["path"].endswith("config.yaml")
    child.cancel()
    assert not os.path.exists(found["path"])


def test_more_output_than_a_pipe_holds_does_not_block_the_child(start):
    child = start("import sys\nsys.stderr.write('x' * 300_000)\nprint('y' * 300_000)\nprint('{}')")
    assert outcome(child) == {}


@pytest.mark.parametrize("code", ["pass", "print('no JSON')", "print('[1]')"])
def test_success_without_a_json_object_is_a_failure(start, code):
    with pytest.raises(ChildFailed, match=r"^The job ended without a result: try again\.$"):
        outcome(start(code))


def test_failure_is_the_last_sentence_on_stderr(start):
    child = start("import sys\nprint('{}')\nsys.exit('a warning\\nThere is no folder /nowhere.')")
    with pytest.raises(ChildFailed, match=r"^There is no folder /nowhere\.$"):
        outcome(child)


def test_failure_without_a_sentence_gets_one(start):
    with pytest.raises(ChildFailed, match=r"^The job .*error message"):
        outcome(start("import os\nos._exit(3)"))


def test_kill_by_a_signal_names_the_signal(start):
    child = start("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(ChildFailed, match="killed \\(signal 9\\)"):
        outcome(child)


def test_time_limit_ends_a_child_that_nobody_polls(start):
    child = start(ENDLESS, limit_s=0.3, advice="close other programs")
    process = psutil.Process(child.process.pid)
    until(lambda: ended(process))
    with pytest.raises(ChildTimedOut, match=r"took more than 0\.3 s: close other programs\.$"):
        outcome(child)
    assert child.seconds >= 0.3


def test_cancel_kills_what_the_child_started_and_deletes_its_files(start, tmp_path):
    code = """
        import pathlib, subprocess, sys
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        pathlib.Path(sys.argv[1]).write_text(str(other.pid))
        other.wait()
    """
    child = start(code, str(tmp_path / "pid"))
    until(lambda: (tmp_path / "pid").is_file() and (tmp_path / "pid").read_text())
    other = psutil.Process(int((tmp_path / "pid").read_text()))
    child.cancel()
    assert not child.running
    assert not child.folder.exists()
    until(lambda: ended(other))
    with pytest.raises(UserError, match="was canceled"):
        child.result()


def test_child_ends_with_its_object():
    child = Child("http.server", "0", "--bind", "127.0.0.1", name="The job", limit_s=60)
    process = psutil.Process(child.process.pid)
    del child
    gc.collect()
    assert not process.is_running()


def test_ticks_end_with_the_child(start):
    child = start("print('{}')")
    seconds = list(child.ticks(0.01))
    assert seconds == sorted(seconds)
    assert not child.running


def test_loop_over_ticks_that_is_left_early_cancels_the_child(start):
    child = start(ENDLESS)
    ticks = child.ticks(0.01)
    next(ticks)
    ticks.close()
    assert not child.running


def test_result_of_a_running_child_is_a_programming_error(start):
    with pytest.raises(RuntimeError, match="still running"):
        start(ENDLESS).result()


def test_refused_start_is_a_sentence(monkeypatch):
    monkeypatch.setattr("sys.executable", os.devnull)
    with pytest.raises(UserError, match=r"^The job cannot start: .+\.$"):
        Child("tiny", name="The job", limit_s=60)
