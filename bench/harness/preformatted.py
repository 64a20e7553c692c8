"""Rows as PostgreSQL's COPY takes them, made ahead of the clock: nothing is left but the server's work."""

import gzip
import hashlib
import re
import struct
import uuid
from pathlib import Path

# What stands before and behind the rows of a file.
BINARY = (b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0), struct.pack("!h", -1))
TEXT = (b"", b"")


def key_and_document_text(lake, run_id, directory, field, parts):
    """Writes `parts` files of lines "key, tab, document", cut in the order of the objects; returns their paths."""
    pattern = re.compile(rb'"%s": ?(\d+)' % field.encode())

    def row(line, _path, _number):
        return b"%s\t%s\n" % (pattern.search(line).group(1), line.replace(b"\\", b"\\\\").replace(b"\t", b"\\t"))

    return _write(lake, run_id, directory, f"text-{field}", parts, row, TEXT)


def key_and_document(lake, run_id, directory, field, parts):
    """The same in COPY's binary format."""
    return _write(lake, run_id, directory, f"key-{field}", parts, _key_rows(field), BINARY)


def _key_rows(field):
    pattern = re.compile(rb'"%s": ?(\d+)' % field.encode())

    def row(line, _path, _number):
        key = int(pattern.search(line).group(1))
        return struct.pack("!hiqiB", 2, 8, key, len(line) + 1, 1) + line

    return row


def staging_rows(lake, run_id, directory, field, parts):
    """The same with all of the columns that evo writes into staging."""
    key_pattern = re.compile(rb'"%s": ?(\d+)' % field.encode())
    moment = struct.pack("!iq", 8, 820_000_000_000_000)
    day = struct.pack("!ii", 4, 9500)

    def text(value):
        return struct.pack("!i", len(value)) + value

    def row(line, path, number):
        key = int(key_pattern.search(line).group(1))
        digest = hashlib.md5(line).digest()
        return b"".join(
            [
                struct.pack("!hiqiB", 10, 8, key, len(line) + 1, 1),
                line,
                text(path),
                text(run_id.encode()),
                day,
                moment,
                moment,
                struct.pack("!iq", 8, number),
                text(digest),
                struct.pack("!iq", 8, 1),
            ]
        )

    return _write(lake, run_id, directory, f"staging-{field}", parts, row, BINARY)


def with_documents_of_the_lake(lake, copied, document, source_file, source_line):
    """Puts the documents as they lie in the lake into a file of COPY's binary format, in the place of what the
    server made of them: the text of a jsonb has its keys in jsonb's own order, which is less work to take in.
    The rows must be ordered by file and line; the last three arguments are the places of their columns."""
    root, written = lake.path / "lake", copied.with_suffix(".documents")
    file, lines, at = None, None, 0
    with open(copied, "rb") as rows, open(written, "wb") as out:
        out.write(rows.read(len(BINARY[0])))
        while (count := struct.unpack("!h", rows.read(2))[0]) >= 0:
            fields = []
            for _ in range(count):
                (length,) = struct.unpack("!i", rows.read(4))
                fields.append(None if length < 0 else rows.read(length))
            if fields[source_file] != file:
                file, at = fields[source_file], 0
                lines = gzip.open(root / file.decode(), "rb")
            (wanted,) = struct.unpack("!q", fields[source_line])
            while at < wanted:
                line, at = next(lines), at + 1
            fields[document] = b"\x01" + line.rstrip(b"\n")
            out.write(struct.pack("!h", count))
            for field in fields:
                out.write(struct.pack("!i", -1) if field is None else struct.pack("!i", len(field)) + field)
        out.write(BINARY[1])
    written.rename(copied)


STAGING_COLUMNS = (
    "raw_data, _source_file, run_id, ingestion_date, _loaded_at, _updated_at, _source_line, _content_hash, _batch_id"
)


def _write(lake, run_id, directory, name, parts, row, around):
    paths = [Path(directory) / f"{lake.path.name}-{run_id}-{name}-{i + 1}of{parts}.copy" for i in range(parts)]
    if all(path.exists() for path in paths):
        return paths
    Path(directory).mkdir(parents=True, exist_ok=True)
    for path, objects in zip(paths, halves(lake.objects(run_id), parts)):
        unfinished = path.with_suffix(f".{uuid.uuid4().hex}")
        with open(unfinished, "wb") as out:
            out.write(around[0])
            for name in objects:
                inside = name.split("/lake/", 1)[1].encode()
                with gzip.open(name, "rb") as lines:
                    for number, line in enumerate(lines, 1):
                        line = line.rstrip(b"\n")
                        if line:
                            out.write(row(line, inside, number))
            out.write(around[1])
        unfinished.rename(path)
    return paths


def halves(objects, parts):
    """Consecutive shares of nearly equal length."""
    share, rest = divmod(len(objects), parts)
    cut, at = [], 0
    for i in range(parts):
        end = at + share + (i < rest)
        cut.append(objects[at:end])
        at = end
    return cut
