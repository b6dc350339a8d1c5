"""The report's parts: mentions and places, marked documents, tables and captions, runs, summary, and the page itself."""

import base64
import doctest
import gzip
import hashlib
import json
import re
import zipfile
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from analysis.page import build, items, places, provenance, summary
from analysis.page.documents import DataSet, browse
from analysis.page.places import Kind
from analysis.page.runs import read_runs
from analysis.page.summary import summarise
from analysis.scores import COLUMNS
from benchmarks.report_page import invent_study

ROOT = Path(__file__).parents[2]
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8)), max_size=8).map(
    lambda pairs: [(start, start + length) for start, length in pairs]
)


@pytest.mark.parametrize("module", [places, items, build, summary])
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


# Places


@given(SPANS, SPANS, SPANS)
def test_every_mention_is_in_one_place_and_places_are_apart(gold, baseline, transfer):
    found = places.places(gold, baseline, transfer)
    for name, spans in (("gold", gold), ("baseline", baseline), ("transfer", transfer)):
        assert sorted(span for place in found for span in getattr(place, name)) == sorted(spans)
    assert all(left.end <= right.start for left, right in pairwise(found))


def test_a_place_that_holds_together_by_the_other_tagger_is_no_wrong_boundary():
    [place] = places.places([(0, 5)], [(0, 14)], [(6, 14)])
    assert (place.kind(place.baseline), place.kind(place.transfer)) == (Kind.BOUNDARY, Kind.MISSED_AND_SPURIOUS)


def test_kinds_of_places():
    found = places.places([(0, 4), (10, 14), (20, 24)], [(0, 4), (11, 14), (30, 34)], [(10, 14), (20, 22), (22, 24)])
    assert [(place.kind(place.baseline), place.kind(place.transfer)) for place in found] == [
        (Kind.CORRECT, Kind.MISSED),
        (Kind.BOUNDARY, Kind.CORRECT),
        (Kind.MISSED, Kind.BOUNDARY),
        (Kind.SPURIOUS, Kind.CORRECT),
    ]


def test_neighbours_are_two_places():
    found = places.places([(0, 4), (4, 8)], [(0, 4)], [(0, 4), (4, 8)])
    assert [(place.kind(place.baseline), place.kind(place.transfer)) for place in found] == [
        (Kind.CORRECT, Kind.CORRECT),
        (Kind.MISSED, Kind.CORRECT),
    ]


def predictions(path, text, rows, document="d1"):
    """A predictions.tsv of one sentence: `rows` are (word, gold tag, predicted tag), found in the text in order."""
    at, lines = 0, []
    for word, gold, predicted in rows:
        at = text.index(word, at)
        lines.append(f"{word}\t{document}\t{at}\t{at + len(word)}\t{gold}\t{predicted}\n")
        at += len(word)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines) + "\n", encoding="utf-8", newline="")
    return path


# Documents


def data_set(folder, text, baseline, transfer, document="d1"):
    (folder / "texts").mkdir()
    (folder / "texts/d1.txt").write_text(text, encoding="utf-8", newline="")
    files = [
        rows and predictions(folder / f"{name}.tsv", text, rows, document)
        for name, rows in (("baseline", baseline), ("transfer", transfer))
    ]
    return DataSet("DISO", "toy", *files, folder / "texts")


def utf16(text, start, end):
    """What JavaScript's slice gives."""
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def test_offsets_are_javascripts(tmp_path):
    text = "Title 🧬 ends\n𝛼-ataxia and 🧬🧬 tremor\nnothing here"
    rows = [("𝛼-ataxia", "S-X", "O"), ("and", "O", "O"), ("tremor", "S-X", "S-X")]
    data = browse(data_set(tmp_path, text, rows, [(w, g, g) for w, g, _ in rows])).data
    [[document, count, [[number, paragraph, [first, second]]]]] = data["units"]
    assert (data["documents"][document], count, number) == ("d1", 3, 1)
    assert first[0] == Kind.MISSED * 8 + Kind.CORRECT
    assert [utf16(paragraph, *first[layer]) for layer in (1, 3)] == ["𝛼-ataxia"] * 2
    assert first[2] == []
    assert utf16(paragraph, *second) == "tremor"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=80), st.data())
def test_every_mention_reads_as_in_the_document(tmp_path_factory, text, data):
    ends = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    spans = list(zip(ends[::2], ends[1::2], strict=False))
    folder = tmp_path_factory.mktemp("documents")
    lines = [f"x\td1\t{s}\t{e}\tS-X\t{data.draw(st.sampled_from(['S-X', 'O']))}\n\n" for s, e in spans]
    (folder / "p.tsv").write_text("".join(["x\td1\t0\t0\tO\tO\n\n", *lines]))
    (folder / "d1.txt").write_text(text, encoding="utf-8", newline="")
    found = browse(DataSet("DISO", "toy", folder / "p.tsv", None, folder)).data
    read = []
    for _, _, paragraphs in found["units"]:
        for _, paragraph, marked in paragraphs:
            flat = [place if len(place) == 2 else place[1] for place in marked]
            read += [utf16(paragraph, s, e) for own in flat for s, e in zip(own[::2], own[1::2], strict=True)]
    assert read == [text[s:e] for s, e in spans]


def test_a_long_document_is_shown_in_paragraphs(tmp_path):
    words = [f"word{n}" for n in range(3)]
    text = "\n".join(f"{word} {'filler ' * 300}" for word in words)
    rows = [(word, "S-X", "S-X") for word in words]
    units = browse(data_set(tmp_path, text, rows, rows)).data["units"]
    assert [[paragraph[0] for paragraph in unit[2]] for unit in units] == [[0], [1], [2]]


def test_counts_of_kinds(tmp_path):
    text = "a b c d"
    baseline = [("a", "S-X", "O"), ("b", "S-X", "S-X"), ("c", "O", "S-X"), ("d", "O", "O")]
    transfer = [("a", "S-X", "S-X"), ("b", "S-X", "O"), ("c", "O", "S-X"), ("d", "O", "O")]
    found = browse(data_set(tmp_path, text, baseline, transfer))
    assert (found.documents, found.shown) == (1, 1)
    assert found.errors == {
        "baseline": {"missed": 1, "spurious": 1, "boundary": 0},
        "transfer": {"missed": 1, "spurious": 1, "boundary": 0, "fixed": 1, "broken": 1},
    }


def test_missed_and_spurious_counts_as_both(tmp_path):
    baseline = [("a", "S-X", "B-X"), ("b", "O", "E-X")]
    transfer = [("a", "S-X", "O"), ("b", "O", "S-X")]
    found = browse(data_set(tmp_path, "a b", baseline, transfer))
    assert found.errors == {
        "baseline": {"missed": 0, "spurious": 0, "boundary": 1},
        "transfer": {"missed": 1, "spurious": 1, "boundary": 0, "fixed": 0, "broken": 0},
    }
    assert found.data["units"][0][2][0][2] == [[Kind.BOUNDARY * 8 + 4, [0, 1], [0, 3], [2, 3]]]


def test_a_regime_that_is_not_there_makes_no_errors(tmp_path):
    found = browse(data_set(tmp_path, "a b", [("a", "S-X", "O")], None))
    assert found.data["layers"] == ["baseline"]
    assert found.errors == {"baseline": {"missed": 1, "spurious": 0, "boundary": 0}}
    assert found.data["units"][0][2][0][2] == [[Kind.MISSED * 8, [0, 1], [], [0, 1]]]


def test_texts_may_be_an_archive(tmp_path):
    rows = [("ataxia", "S-X", "S-X")]
    found = data_set(tmp_path, "ataxia", rows, rows)
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        archive.writestr("d1.txt", "ataxia")
    packed = DataSet("DISO", "toy", found.baseline, found.transfer, tmp_path / "texts.zip")
    assert browse(packed).data == browse(found).data
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        archive.writestr("d2.txt", "ataxia")
    with pytest.raises(ValueError, match=r"texts\.zip/d1\.txt: cannot be read"):
        browse(packed)


@pytest.mark.parametrize("damage", ["no archive", "checksum"])
def test_a_damaged_archive_of_texts_is_named(tmp_path, damage):
    rows = [("ataxia", "S-X", "S-X")]
    found = data_set(tmp_path, "ataxia", rows, rows)
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        archive.writestr("d1.txt", "ataxia")
    data = bytearray((tmp_path / "texts.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 16] ^= 0xFF
    (tmp_path / "texts.zip").write_bytes(b"rubbish" if damage == "no archive" else data)
    with pytest.raises(ValueError, match=r"texts\.zip"):
        browse(DataSet("DISO", "toy", found.baseline, found.transfer, tmp_path / "texts.zip"))


def test_what_does_not_fit_together_is_refused(tmp_path):
    rows, other = [("ataxia", "S-X", "S-X")], [("ataxia", "O", "S-X")]
    found = data_set(tmp_path, "ataxia", rows, other)
    with pytest.raises(ValueError, match=r"transfer\.tsv: its gold mentions are not those"):
        browse(found)
    (tmp_path / "texts/d1.txt").write_text("at")
    with pytest.raises(ValueError, match="mentions outside its text of 2 characters"):
        browse(DataSet("DISO", "toy", found.baseline, None, found.texts))
    (tmp_path / "texts/d1.txt").write_bytes(b"\xff\xfeataxia")
    with pytest.raises(ValueError, match=r"d1\.txt: cannot be read"):
        browse(DataSet("DISO", "toy", found.baseline, None, found.texts))


def test_a_documents_name_does_not_lead_out_of_its_folder(tmp_path):
    (tmp_path / "d2.txt").write_text("ataxia")
    found = data_set(tmp_path, "ataxia", [("ataxia", "S-X", "O")], None, document="../d2")
    with pytest.raises(ValueError, match="leaves the folder"):
        browse(found)


# Tables and captions


def test_a_table_is_read_with_the_papers_numbers_and_its_notes(tmp_path):
    (tmp_path / "t.md").write_text(
        "| corpus | f1   | f1 paper | gain  |\n|:-------|-----:|---------:|------:|\n"
        "| a\\|b  | 1.00 |     2.00 | -3.00 |\n| c-d | 1.50 | – | < 0.01 |\n\nLeft out: x.\n"
    )
    table = items.read_table(tmp_path / "t.md")
    assert table.columns == ["corpus", "F1", "gain"]
    assert table.numeric == [False, True, True]
    assert [[cell.ours for cell in row] for row in table.rows] == [["a|b", "1.00", "−3.00"], ["c-d", "1.50", "< 0.01"]]
    assert [row[1].paper for row in table.rows] == ["2.00", None]
    assert table.notes == ["Left out: x."]
    (tmp_path / "t.md").write_text("| a | b |\n|---|---|\n| 1 |\n")
    with pytest.raises(ValueError, match=r"t\.md: a row has not 2 cells"):
        items.read_table(tmp_path / "t.md")


def test_files_of_one_name_are_one_item(tmp_path):
    files = [tmp_path / f"figure2_curves.{form}" for form in ("png", "pdf", "svg")]
    for file in files:
        file.write_text(f"<{file.suffix}>")
    caption = tmp_path / "figure2_curves.rst"
    caption.write_text("Curves of *all* & more, seeds {{ snakemake.config['study']['seeds'] | join(', ') }}.")
    [group] = items.groups(files, tmp_path, {"figure2_curves": caption}, {"study": {"seeds": [1, 2]}}, {})
    [item] = group.items
    assert (group.title, group.by_data_set) == ("Figure 2. Curves", False)
    assert item.caption.strip() == "<p>Curves of <em>all</em> &amp; more, seeds 1, 2.</p>"
    assert item.image == "data:image/svg+xml;base64," + base64.b64encode(b"<.svg>").decode()
    assert set(item.files) == {".pdf", ".svg"}


def test_a_table_for_each_data_set_stands_under_one_title(tmp_path):
    (tmp_path / "kinds/DISO").mkdir(parents=True)
    files = [tmp_path / f"kinds/DISO/{corpus}.md" for corpus in ("cdr", "x")]
    for file in files:
        file.write_text("| a |\n|---|\n")
    (tmp_path / "kinds.rst").write_text("Errors of {{ snakemake.config['tagger']['variant'] }}")
    config = {"tagger": {"variant": "paper"}}
    [group] = items.groups(files, tmp_path, {"kinds": tmp_path / "kinds.rst"}, config, {"cdr": "CDR"})
    assert (group.title, group.by_data_set) == ("Kinds", True)
    assert [(item.title, item.caption.strip()) for item in group.items] == [
        ("CDR · Diseases", "<p>Errors of paper</p>"),
        ("x · Diseases", "<p>Errors of paper</p>"),
    ]


@pytest.mark.parametrize(
    "text",
    ["{{ snakemake.params.x }}", "{{ nothing }}", "{% broken", ".. raw:: html\n\n   <script>1</script>", "*open"],
)
def test_a_caption_that_cannot_be_shown_is_named(tmp_path, text):
    (tmp_path / "c.rst").write_text(text)
    with pytest.raises(ValueError, match=r"c\.rst: the caption cannot be shown"):
        items.caption(tmp_path / "c.rst", {})


def test_the_captions_of_the_workflow_can_be_shown():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for file in sorted((ROOT / "rules/captions").glob("*.rst")):
        assert "<p>" in items.caption(file, config), file


# Runs and summary


def test_runs_are_read_and_unfinished_ones_named(tmp_path):
    runs = [tmp_path / f"DISO/cdr/{regime}/share60/seed2" for regime in ("baseline", "transfer_to_token_lstm")]
    source = tmp_path / "source/DISO/seed2"
    metrics = {"test": {"precision": 1, "recall": 2, "f1": 80.12345}, "dev": {"f1": 90}, "best_epoch": 1, "epochs": 2}
    metrics |= {"seconds": 3.4, "device": "cpu", "threads": 1}
    for folder in (*runs, source):
        folder.mkdir(parents=True)
        own = metrics | ({"test": None} if folder == source else {})
        (folder / "metrics.json").write_text(json.dumps(own))
        (folder / "history.tsv").write_text("epoch\tf1\tloss\n1\t90\t2.5\n2\t50\tnan\n")
    first, second, last = read_runs(runs, [source], {"cdr": "CDR"})
    assert (first["title"], first["regime"], first["test_f1"], first["f1"]) == ("CDR", "baseline", 80.123, [90.0, 50.0])
    assert first["loss"] == [2.5, None]
    assert second["regime"] == "transfer_to_token_lstm"
    assert (last["regime"], last["test_f1"], last["dev_f1"], last["share"]) == ("source", None, 90, 0)
    (source / "history.tsv").write_text("epoch\n1\n")
    with pytest.raises(ValueError, match=r"history\.tsv: no f1 and loss"):
        read_runs([], [source], {})
    (source / "metrics.json").write_text("{}")
    with pytest.raises(ValueError, match=r"metrics\.json: not the metrics of a finished run"):
        read_runs([], [source], {})


def scores(*rows):
    frame = pd.DataFrame(
        [
            [
                *row[:3],
                "crf" if row[2] == "transfer" else "none",
                60,
                row[3],
                row[4],
                row[4],
                row[4],
                9,
                9,
                9,
                3,
                1.0,
                "cpu",
            ]
            for row in rows
        ],
        columns=COLUMNS,
    )
    return frame


def test_the_summary_is_the_mean_over_data_sets():
    found = summarise(
        scores(
            *[
                ("DISO", "cdr", r, s, f)
                for r, s, f in (("baseline", 1, 70), ("baseline", 2, 80), ("transfer", 1, 80), ("transfer", 2, 90))
            ],
            *[("PRGE", "x", r, 1, f) for r, f in (("baseline", 60), ("transfer", 50))],
            ("PRGE", "alone", "baseline", 1, 10),
        ),
        {"cdr": "CDR", "x": "X"},
    )
    assert (found.baseline, found.transfer, found.data_sets, found.better, found.seeds) == (67.5, 67.5, 2, 1, 2)
    assert found.reduction == pytest.approx((10 / 25 - 10 / 40) / 2 * 100)
    assert [(row.name, row.is_mean) for row in found.rows] == [
        ("Diseases", True),
        ("CDR", False),
        ("Genes/proteins", True),
        ("X", False),
    ]
    assert all(
        0 <= found.at(f1) <= 100 for row in found.rows for f1 in (row.baseline, row.transfer, *(row.paper or ()))
    )


def test_the_axis_of_the_summary_holds_the_papers_numbers_too():
    found = summarise(scores(("DISO", "cdr", "baseline", 1, 97), ("DISO", "cdr", "transfer", 1, 99.5)), {})
    assert (found.low, found.high) == (75, 100)  # the paper's are 80.73 and 82.09
    assert [found.at(f1) for f1 in (75, 80, 100)] == [0, 20, 100]


def test_a_study_of_one_regime_has_no_summary():
    assert summarise(scores(("DISO", "cdr", "baseline", 1, 70)), {}) is None


def test_the_summary_is_of_the_runs_that_the_tables_show():
    rows = [("DISO", "cdr", regime, seed, 70 + seed) for regime in ("baseline", "transfer") for seed in (1, 2)]
    table = pd.concat([scores(*rows).assign(share=share) for share in (10, 30, 60)])  # 60 is a figure's
    found = build._of_the_tables(table, {"seeds": [2], "shares": [10, 30], "regimes": ["transfer"]})
    assert set(zip(found.share, found.seed, found.regime, strict=True)) == {(30, 2, "transfer")}


# The page


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.addresses, self.scripts, self.tag = [], {}, None
        self.ids = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.addresses += [
            attributes[name] for name in ("src", "href", "action", "srcset", "data") if name in attributes
        ]
        self.ids += [attributes["id"]] if "id" in attributes else []
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        self.tag = (tag, attributes.get("id")) if tag in ("script", "style") else None

    def handle_data(self, data):
        if self.tag:
            self.scripts[self.tag] = self.scripts.get(self.tag, "") + data

    def handle_endtag(self, tag):
        self.tag = None


@pytest.fixture(scope="module")
def invented(tmp_path_factory):
    return invent_study(tmp_path_factory.mktemp("invented"), scale=0.0005)


def test_the_page_needs_nothing_else_and_runs_only_its_own_script(invented, tmp_path):
    build.write_page(tmp_path / "report.html", **invented)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(html)
    assert all(address.startswith(("data:", "#")) for address in reader.addresses)
    assert len(reader.ids) == len(set(reader.ids))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)[1].replace("&#39;", "'")
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(reader.scripts[kind, None].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    runs = json.loads(gzip.decompress(base64.b64decode(reader.scripts["script", "runs-data"])))
    assert len(runs["runs"]) == len(invented["runs"]) + len(invented["sources"]) == 594
    assert ("script", "documents-22") in reader.scripts
    assert {"results", "report.html"} >= {path.name for path in tmp_path.iterdir()}


def test_a_failure_leaves_the_old_page(invented, tmp_path):
    (tmp_path / "report.html").write_text("old")
    table = invented["results"] / "tables/table.md"
    table.parent.mkdir()
    table.write_text("| a | b |\n|---|---|\n| 1 |\n")
    with pytest.raises(ValueError, match=r"table\.md"):
        build.write_page(tmp_path / "report.html", **invented | {"tables": [table]})
    assert (tmp_path / "report.html").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_the_page_says_where_every_corpus_came_from_and_what_the_lock_pins():
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    found = provenance.provenance(config, [], ROOT / "requirements.lock", "snakemake")
    assert [corpus.title for corpus in found.corpora if not corpus.origin] == []
    named = [name for name, _ in (*found.versions, *found.other_versions)]
    assert "triton" in named
    assert len(named) == len(set(named))
    assert all(re.fullmatch(r"[\w.-]+", name) and re.fullmatch(r"[\w.+-]+", pin) for name, pin in found.other_versions)


def test_a_machine_without_git_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert provenance._commit() == "of unknown commit (no git here)"
