"""Writes test/golden/data-sources.json: folders, tar archives and CSV as torchvision, tarfile, webdataset and csv read them.

    python scripts/goldens/data_sources.py   (torchvision, webdataset)

Archives are stored as base64 of zlib, names in them as UTF-8 where they are text.
"""

import base64
import csv
import io
import json
import pathlib
import tarfile
import tempfile
import zlib

import torchvision
import webdataset
from webdataset.tariterators import group_by_keys, tar_file_expander

ROOT = pathlib.Path(__file__).resolve().parents[2]

FILES = [
    "cat/1.jpg",
    "cat/10.jpg",
    "cat/2.JPG",
    "cat/deeper/down/a.png",
    "cat/notes.txt",
    "Dog/b.jpeg",
    "Dog/a b.webp",
    "10/x.tiff",
    "9/y.tif",
    "zebra/é.png",
    "Ärger/ü.jpg",
    "\u4e2d\u6587/\U0001f600.jpg",
]


def folder() -> dict:
    with tempfile.TemporaryDirectory() as root:
        for name in FILES:
            path = pathlib.Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"not looked at")
        found = torchvision.datasets.ImageFolder(root)
        samples = [[str(pathlib.Path(path).relative_to(root)), label] for path, label in found.samples]
        return {"files": FILES, "classes": found.classes, "samples": samples}


LONG = "long-" + "directory/" * 12 + "x" * 60
MEMBERS = [
    ("000.jpg", b"\xff\xd8\xff" + b"first" * 9),
    ("000.cls", b"3"),
    ("sub/001.jpg", b"\xff\xd8\xff"),
    ("sub/001.cls", b"12\n"),
    ("sub/001.extra.txt", b""),
    ("\u00fcnder/002.v2.PNG", b"\x89PNG" * 300),
    ("\u00fcnder/002.cls", b"0"),
    ("003.jpg", b"\xff\xd8\xff" + bytes(512)),
    ("003.json", b'{"label": 7}'),
]
LONG_MEMBERS = [(f"{LONG}.jpg", b"\xff\xd8\xff!"), (f"{LONG}.cls", b"1"), ("y" * 250 + ".jpg", b"y"), ("y" * 250 + ".cls", b"2")]


def archive(name: str, members: list, format: int) -> dict:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format) as tar:
        entry = tarfile.TarInfo("sub")
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
        for path, content in members:
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mtime = 1_700_000_000.5 if format == tarfile.PAX_FORMAT else 1_700_000_000
            tar.addfile(entry, io.BytesIO(content))
    content = file.getvalue()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        found = [[each.name, each.offset_data, each.size] for each in tar if each.isreg()]
    samples = list(group_by_keys(tar_file_expander([{"url": name, "stream": io.BytesIO(content)}])))
    return {
        "name": name,
        "tar": base64.b64encode(zlib.compress(content, 9)).decode(),
        "members": found,
        "samples": [[sample["__key__"], sorted(key for key in sample if not key.startswith("__"))] for sample in samples],
    }


TABLES = {
    "plain": "path,label\na.jpg,cat\nb.jpg,dog\n",
    "no last line break": "path,label\na.jpg,cat\nb.jpg,dog",
    "CRLF": "path,label\r\na.jpg,cat\r\nb.jpg,dog\r\n",
    "quotes": 'path,label\n"a, b.jpg",cat\n"say ""hi"".jpg","big dog"\n',
    "a line break in quotes": 'path,label\n"two\nlines.jpg",cat\nb.jpg,dog\n',
    "columns in another order": "id,label,width,path\n1,cat,20,a.jpg\n2,dog,30,b.jpg\n",
    "semicolons": "path;label\na,1.jpg;cat\nb.jpg;dog\n",
    "tabs": "path\tlabel\na b.jpg\tcat\nb.jpg\tdog\n",
    "text of all kinds": "path,label\nbilder/\u00fc.jpg,K\u00e4fer\n\u4e2d\u6587.jpg,\U0001f600\n",
}


def table(name: str, text: str) -> dict:
    delimiter = max(",;\t", key=text.split("\n")[0].count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return {"name": name, "text": text, "rows": [[row["path"], row["label"]] for row in rows]}


golden = {
    "versions": {"torchvision": torchvision.__version__, "webdataset": webdataset.__version__},
    "folder": folder(),
    "archives": [
        archive("ustar", MEMBERS, tarfile.USTAR_FORMAT),
        archive("GNU", MEMBERS + LONG_MEMBERS, tarfile.GNU_FORMAT),
        archive("pax", MEMBERS + LONG_MEMBERS, tarfile.PAX_FORMAT),
    ],
    "tables": [table(name, text) for name, text in TABLES.items()],
}
target = ROOT / "test" / "golden" / "data-sources.json"
target.write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
print(f"{target}: {target.stat().st_size} bytes")
