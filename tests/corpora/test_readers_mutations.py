"""Every reader on broken and hostile files: right documents or one named error, never anything else.

`make test` tries EXAMPLES mutations of a tiny corpus in each format, `make fuzz` as many as FUZZ_EXAMPLES says. What is
drawn depends on FUZZ_SEED, the reader and the number of the example alone, so that a failure can be repeated by itself.
"""

import gzip
import io
import json
import logging
import os
import random
import re
import resource
import signal
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from corpora.brat import read_brat, write_brat, write_table
from corpora.conll import tag_sentences
from corpora.convert import READERS, CorpusSpec, read_documents
from corpora.documents import CorpusError
from corpora.tokens import sentences

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "500"))
SEED = os.environ.get("FUZZ_SEED", "1")
SECONDS = 10  # of computing that an example may take; most take milliseconds
GROWTH = 96 << 20  # bytes by which the process may grow while one reader reads all its examples
CONVERTED = 10  # one in so many examples goes on through Brat and tokens

# One tiny corpus in each format, in a folder named after its reader.
SEEDS = Path(__file__).parent / "seeds"
CORPORA = {
    folder.name: {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }
    for folder in sorted(SEEDS.iterdir())
}

TOKENS = [b"", b"\0", b"\n", b"\r", b"\r\n", b"\t", b"|", b" ", b";", b",", b"-", b":", b"#", b"'", b'"', b"\\", b"/", b"..", b"../x",
          b"<", b">", b"</", b"/>", b"&", b"&l;", b"&#0;", b"&#xd800;", b"&#x110000;", b"<!--", b"<![CDATA[", b"<?x?>", b"{", b"}", b"[", b"]",
          b"0", b"-0", b"-1", b"+1", b"1.0", b"1e9", b"NaN", b"99", b"2147483648", b"9223372036854775808", b"9" * 5000,
          b"null", b"true", b"[]", b"{}", b'""', b"\\ud800", b"\\u0000", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\x80",
          b"\xe2\x80\xa8", b"\xc2\x85", b"\xc2\xa0", b"\x0b", b"\x0c", b"\x1c", b"\x1a", b"\x7f", b"\xd9\xa3", b"\xf0\x9f\xa7\xac", b"e\xcc\x81",
          b"-DOCSTART- O\n", b"B-X", b"T1\tX 0 1\tF\n", b"R1\t", b"\n\n", b"%s%n", b"=1+1"]  # fmt: skip
ENCODINGS = ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp1252", "cp037", "utf-7", "shift_jis"]
BOMBS = [
    b'<!DOCTYPE x [<!ENTITY a "FICFICFIC">%b]>'
    % b"".join(b'<!ENTITY %c "%b">' % (98 + n, b"&%c;" % (97 + n) * 40) for n in range(9)),
    b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
]
NAMES = ["a.txt", "a.ann", "train/a.txt", "x/GENE.eval", "tags.tsv", "b.json", "b.xml", "\u00fc \u2028.txt", "c", ".txt", "a\tb.txt",
         "n" * 300 + ".txt", "a\nb.xml"]  # fmt: skip


def at(draw, content):
    return draw.randint(0, len(content))


def cut(draw, content):
    start = at(draw, content)
    return start, min(len(content), start + draw.choice([0, 1, 1, 2, 5, 20, 200, 10**6]))


def one_of(draw, pattern, content):
    """Where one match of a pattern stands, somewhere if there is none."""
    begin = max(0, at(draw, content) - 2000) if len(content) > 4000 else 0  # searching may take quadratic time
    found = [match.span() for match in re.finditer(pattern, content[begin : begin + 4000])]
    start, end = draw.choice(found) if found else cut(draw, content[begin:])
    return begin + start, begin + end


def flip(draw, content):
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 8])):
        if changed:
            changed[draw.randrange(len(changed))] ^= draw.choice([1, 2, 4, 8, 16, 32, 64, 128, 255])
    return bytes(changed)


def truncate(draw, content):
    return content[: at(draw, content)] if draw.random() < 0.7 else content[at(draw, content) :]


def insert(draw, content):
    start, end = cut(draw, content)
    return content[:start] + draw.choice(TOKENS) + content[end:]


def put_in_place(draw, content):
    """A field, name, value or number gives way to something else."""
    pattern = draw.choice([rb"\d+", rb'"[^"]*"', rb"[\w.-]+", rb"[^\t\n|]+", rb"<[^<>]*>", rb"[{\[][^{\[\]}]*[\]}]"])
    start, end = one_of(draw, pattern, content)
    other, stop = one_of(draw, pattern, content)
    return content[:start] + draw.choice([content[other:stop], draw.choice(TOKENS), b""]) + content[end:]


def number(draw, content):
    start, end = one_of(draw, rb"\d+", content)
    value = int(content[start:end]) if content[start:end].isdigit() and end - start < 20 else 0
    other = draw.choice([value + 1, value - 1, -value, 0, 10 * value, value + 2**31, value + 2**63, -(2**63), 10**400])
    return content[:start] + b"%d" % other + content[end:]


def lines(draw, content):
    parts = content.splitlines(keepends=True) or [b""]
    one, other = draw.randrange(len(parts)), draw.randrange(len(parts))
    match draw.choice(["twice", "swap", "drop", "shuffle", "mix"]):
        case "twice":
            parts.insert(other, parts[one])
        case "swap":
            parts[one], parts[other] = parts[other], parts[one]
        case "drop":
            del parts[one]
        case "shuffle":
            draw.shuffle(parts)
        case "mix":
            parts[one] = parts[one][: at(draw, parts[one])] + parts[other][at(draw, parts[other]) :]
    return b"".join(parts)


def repeat(draw, content):
    start, end = cut(draw, content)
    piece = content[start:end]
    times = draw.choice([2, 3, 10, 300, 3000])
    return content[:start] + piece * min(times, 1 + 100_000 // max(len(piece), 1)) + content[end:]


def long_line(draw, content):
    start = at(draw, content)
    filler = draw.choice([b"a", b" ", b"\t", b"|", b":", b",", b"1", b"(", b"<", b'"', b"\xc2\xa0", b"**", b"a b "])
    return content[:start] + filler * draw.choice([100, 3000, 30_000]) + content[start:]


def nest(draw, content):
    start, depth = at(draw, content), draw.choice([10, 300, 3000, 100_000])
    opening, closing = draw.choice(
        [(b"[", b"]"), (b'{"a":', b"}"), (b"<e>", b"</e>"), (b"<document>", b"</document>"), (b"<s>", b"</s>")]
    )
    return content[:start] + opening * depth + content[start : start + 5] + closing * depth + content[start + 5 :]


def encode(draw, content):
    return content.decode("utf-8", "replace").encode(draw.choice(ENCODINGS), "replace")


def declare(draw, content):
    bomb, start = draw.choice(BOMBS), at(draw, content)
    return bomb + content[:start] + draw.choice([b"&i;", b"&a;", b"&i;&i;"]) + content[start:]


def drop_field(draw, content):
    start, end = one_of(
        draw, draw.choice([rb"[^\t\n]*\t", rb'\s[\w:]+="[^"]*"', rb'"\w+":', rb"<(\w+)[^<>]*>[^<>]*</\1>"]), content
    )
    return content[:start] + content[end:]


def json_value(draw, content):
    """Some value of a JSON file becomes one of another kind."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        return insert(draw, content)
    places = []

    def walk(value):
        for key in value if isinstance(value, dict) else range(len(value)):
            places.append((value, key))
            if isinstance(value[key], dict | list):
                walk(value[key])

    if isinstance(whole, dict | list):
        walk(whole)
    if not places:
        return content
    holder, key = draw.choice(places)
    if draw.random() < 0.2:
        del holder[key]
    else:
        other = draw.choice(places)
        wild = [
            None,
            True,
            0,
            -1,
            1.5,
            1e999,
            2**70,
            "",
            "x",
            "\x00",
            "\ud800",
            [],
            [[]],
            {},
            {"text": 1},
            other[0][other[1]] if other[0] is not holder else 7,
        ]
        holder[key] = draw.choice(wild)
    try:
        return json.dumps(whole, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):  # a value inside of itself
        return content


MUTATIONS = [flip, truncate, insert, insert, put_in_place, put_in_place, number, lines, lines, repeat, long_line, nest, encode, declare,
             drop_field, drop_field, json_value, json_value]  # fmt: skip


def mutated(draw, corpus):
    """Files by name, a few things wrong with them."""
    files = dict(corpus)
    for _ in range(draw.choice([1, 1, 1, 2, 2, 3, 6])):
        if not files:
            break
        name = draw.choice(sorted(files))
        if draw.random() < 0.93:
            files[name] = draw.choice(MUTATIONS)(draw, files[name])[: 1 << 21]
        else:
            match draw.choice(["drop", "rename", "copy", "foreign"]):
                case "drop":
                    del files[name]
                case "rename":
                    files[draw.choice(NAMES)] = files.pop(name)
                case "copy":
                    files[draw.choice([*NAMES, f"copy/{name}"])] = files[name]
                case "foreign":
                    files[name] = draw.choice(list(CORPORA[draw.choice(sorted(CORPORA))].values()))
    return files


def packed(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(files, mode):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def checked(documents):
    for document in documents:
        assert document.id
        document.id.encode()
        document.text.encode()
        assert not document.pmid or (document.pmid.isascii() and document.pmid.isdigit())
        assert not document.pmcid or (document.pmcid.isascii() and document.pmcid.isdigit())
        assert document.split in ("", "train", "dev", "test")
        for mention in document.mentions:
            assert mention.label
            assert mention.spans == tuple(sorted(mention.spans))
            borders = [border for span in mention.spans for border in span]
            assert 0 <= borders[0] <= borders[-1] <= len(document.text)
            assert all(start < end for start, end in mention.spans)
            assert all(a[1] <= b[0] for a, b in zip(mention.spans, mention.spans[1:], strict=False))
        yield document


def convert(read, source, folder):
    """The way of a corpus to its tokens: what is written is read again as it was."""
    labels = {mention.label for document in read for mention in document.mentions}
    spec = CorpusSpec(format=source.stem.partition("-")[0])
    flat = list(read_documents(source, spec, dict.fromkeys(labels, "DISO")))
    rows = write_brat(flat, folder / "brat.zip")
    write_table(folder / "brat.tsv", rows)
    again = list(read_brat(folder / "brat.zip", folder / "brat.tsv"))
    assert [(d.id, d.text, [m.spans for m in d.mentions]) for d in again] == [
        (d.id, d.text, [m.spans for m in d.mentions]) for d in flat
    ]
    for document in again:
        tag_sentences(document, sentences(document.text))


class TooSlow(BaseException):
    """An example that does not come to an end; no reader can catch it."""


def stop(*_):
    raise TooSlow


def try_reader(name, source, folder, *, converted=False):
    """Read, and say in one word how it ended; anything but documents or a named error comes out as it is."""
    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    begun = time.process_time()
    try:
        documents = list(checked(READERS[name](source, ("*",))))
        if converted:
            convert(documents, source, folder)
        ended = "read"
    except CorpusError as error:
        message = str(error)
        message.encode()
        assert message.startswith((str(source), str(folder))), message
        assert "; " in message
        assert "\n" not in message
        ended = "refused"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    assert time.process_time() - begun < SECONDS
    return ended


def try_many(name, example, folder):
    """Many examples, written by `example(draw, number)` to a file each; a failure says how to repeat it."""
    sentences("spaCy is loaded (here).")  # so that no example pays for it
    logging.disable(logging.CRITICAL)
    ends = Counter()
    grown = 0
    try:
        for number in range(EXAMPLES):
            if number == EXAMPLES // 10:
                grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
            source = example(random.Random(f"{SEED} {name} {number}"))  # by text, which is the same everywhere
            try:
                ends[try_reader(name, source, folder, converted=number % CONVERTED == 0)] += 1
            except (Exception, TooSlow) as error:
                pytest.fail(f"{name}, example {number} of FUZZ_SEED={SEED}, {source}: {type(error).__name__}: {error}")
    finally:
        logging.disable(logging.NOTSET)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - grown
    print(f"{name}: FUZZ_SEED={SEED}, {EXAMPLES:,} examples, {dict(ends)}, grown by {grown >> 20} MiB")
    assert grown < GROWTH
    return ends


@pytest.fixture
def folder(tmp_path):
    """A folder in memory where the system has one: writing the examples takes longer than reading them."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as name:
        yield Path(name)


def test_every_reader_is_tested():
    assert sorted(CORPORA) == sorted(READERS), f"give every reader a tiny corpus in {SEEDS}"


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_the_corpora_themselves_are_read(tmp_path, name, caplog):
    source = tmp_path / f"{name}.zip"
    source.write_bytes(packed(CORPORA[name]))
    documents = list(checked(READERS[name](source, ("*",))))
    assert sum(len(document.mentions) for document in documents) >= 1
    assert "text column" not in caplog.text  # where the format states the text of a mention, it is the one found
    convert(documents, source, tmp_path)


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_mutated_corpora_are_read_or_refused_by_name(folder, name):
    def example(draw):
        source = folder / f"{name}.zip"
        source.write_bytes(packed(mutated(draw, CORPORA[name])))
        return source

    ends = try_many(name, example, folder)
    assert min(ends["read"], ends["refused"]) > EXAMPLES // 50  # else the mutations are too weak or too strong


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "gz"])
def test_mutated_archives_are_read_or_refused_by_name(folder, kind):
    name = "pubtator" if kind == "gz" else "brat"
    files = CORPORA[name]
    whole = {
        "zip": lambda: packed(files),
        "tar": lambda: tarred(files, "w"),
        "tar.gz": lambda: tarred(files, "w:gz"),
        "gz": lambda: gzip.compress(files["a.txt"]),
    }[kind]()

    def example(draw):
        source = folder / f"{name}-.{kind}"
        content = whole
        for _ in range(draw.choice([1, 1, 2, 5])):
            content = draw.choice([flip, flip, truncate, insert, repeat, number])(draw, content)
        source.write_bytes(content)
        return source

    try_many(name, example, folder)
