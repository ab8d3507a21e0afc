"""Writing files: old or new, nothing between, whatever happens to the process or the disk."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from densor.models import atomic

SAVER = """
import sys
import densor
model = densor.Sequential([densor.Input((300,)), densor.layers.Dense(2000)])
print("ready", flush=True)
while True:
    model.save(sys.argv[1])
"""


def test_content_and_permissions(tmp_path):
    path = tmp_path / "f"
    old_mask = os.umask(0o027)
    try:
        atomic.write(str(path), [b"ab", memoryview(b"cd")])
    finally:
        os.umask(old_mask)
    assert path.read_bytes() == b"abcd"
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename", "fchmod"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_an_error_of_the_system_leaves_the_old_file(call, code, tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def fail(*arguments, **options):
        raise OSError(code, os.strerror(code), "somewhere")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(OSError, match=r"f'$") as caught:
            atomic.write(str(path), [b"new"])
    assert caught.value.errno == code
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f"]


def test_short_writes_are_continued(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, chunk: write(descriptor, chunk[:3]))
    atomic.write(str(tmp_path / "f"), [b"0123456789", b"abc"])
    assert (tmp_path / "f").read_bytes() == b"0123456789abc"


def test_the_order_on_disk(tmp_path, monkeypatch):
    calls = []
    for name in ("write", "fsync", "rename", "close"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1])
    atomic.write(str(tmp_path / "f"), [b"ab", b"cd"])
    assert calls == ["write", "write", "fsync", "close", "rename", "fsync", "close"]


def test_an_interrupt_leaves_no_temporary_file(tmp_path):
    def chunks():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic.write(str(tmp_path / "f"), chunks())
    assert os.listdir(tmp_path) == []


def test_temporary_files_of_the_dead_are_swept(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {
        alive: atomic._TEMPORARY.format(host=atomic._host(), pid=pid, token="0" * 16)
        for alive, pid in ((False, dead.pid), (True, os.getpid()))
    }
    others = [atomic._TEMPORARY.format(host=1, pid=dead.pid, token="0" * 16), ".densor-notes"]
    for name in [*names.values(), *others]:
        (tmp_path / name).write_bytes(b"x")
    atomic.write(str(tmp_path / "f"), [b"new"])
    assert sorted(os.listdir(tmp_path)) == sorted(["f", names[True], *others])


CALLS = ("open", "fchmod", "write", "fsync", "close", "rename", "unlink")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 warns of any fork beside threads
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_call_of_the_system(after, tmp_path):
    """The file is bitwise the old one or the new one, whichever call the process dies at."""
    path, old, new = tmp_path / "f", b"old" * 1000, [b"new" * 400, b"er" * 300]
    seen = set()
    for fatal in range(1, 20):
        path.write_bytes(old)
        child = os.fork()
        if child == 0:
            _kill_at(fatal, after)
            atomic.write(str(path), new)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        assert path.read_bytes() in (old, b"".join(new))
        seen.add(path.read_bytes() == old)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    assert fatal - 1 == 10, (
        "open, fchmod, two writes, fsync, close, rename, and open, fsync, close of the folder"
    )
    assert seen == {True, False}
    path.write_bytes(old)
    atomic.write(str(path), new)
    assert os.listdir(tmp_path) == ["f"]


def _kill_at(fatal, after):
    """From now on the `fatal`-th call of the system kills this process, before or after it was made."""
    count = 0
    for name in CALLS:
        real = getattr(os, name)

        def call(*arguments, real=real, **options):
            nonlocal count
            count += 1
            if count == fatal and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments, **options)
            if count == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(os, name, call)


def test_killed_at_any_moment(tmp_path):
    """A model saved over and over, the process killed at random: the file always loads, in one of its versions."""
    from densor.models import load_model

    path = tmp_path / "m"
    attempt = 0
    while attempt < 8 or not path.exists():  # a busy machine may not have saved it once by then
        saver = subprocess.Popen([sys.executable, "-c", SAVER, str(path)], stdout=subprocess.PIPE)
        assert saver.stdout is not None
        with saver.stdout:
            saver.stdout.readline()
            time.sleep(0.02 + 0.013 * attempt)
            attempt += 1
            saver.send_signal(signal.SIGKILL)
            saver.wait()
        if path.exists():
            assert load_model(path).count_params() == 602_000
    load_model(path).save(path)
    assert os.listdir(tmp_path) == ["m"], "temporary files of the killed are swept"
