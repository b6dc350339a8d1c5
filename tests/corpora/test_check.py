"""The report on a corpus, on invented ones with a bit of everything."""

import pytest

from corpora.check import check_corpus
from corpora.convert import CorpusSpec

PERCENT = {"train": 60, "dev": 10, "test": 30}
TEXT = "Fluphoria in mice.\nMild and grave tremosis of mice-like rats."


def brat(folder, **documents):
    """Documents as annotation lines `label start end[;start end]`, all on the same text."""
    folder.mkdir()
    for name, lines in documents.items():
        (folder / f"{name}.txt").write_text(TEXT)
        rows = []
        for number, line in enumerate(lines, start=1):
            spans = [pair.split() for pair in line.split(" ", 1)[1].split(";")]
            stated = " ".join(TEXT[int(start) : int(end)] for start, end in spans)
            rows.append(f"T{number}\t{line}\t{stated}\n")
        (folder / f"{name}.ann").write_text("".join(rows))
    return folder


def report(native, entities, policy="random", **spec):
    return check_corpus(
        native, CorpusSpec(**{"format": "brat"} | spec), entities, policy=policy, percent=PERCENT, seed=1
    )


def test_what_a_corpus_holds(tmp_path):
    corpus = brat(
        tmp_path / "c",
        d1=["Disease 0 9", "Disease 0 9", "Disease 0 5", "Disease 5 12", "Disease 19 23;34 42", "Species 13 17"],
        d2=["Disease 0 9", "Species 46 50", "Finding 0 9"],
        d3=["Species 13 23"],
        d4=["Disease 0 9"],
        d5=["Disease 0 9"],
        d6=["Disease 0 9"],
        d7=["Disease 0 9"],
        d8=["Disease 0 9"],
        d9=["Disease 0 9"],
        PMC10=[],
    )
    (corpus / "PMC10.txt").write_text(" \n")
    found = report(corpus, {"DISO": ["Disease"], "LIVB": ["Species"]}, pmcid=r"PMC(\d+)")
    assert found.errors == ["dev has no LIVB mentions; use another split or more documents"]
    lines = found.text().split("\n")
    for line in (
        "Documents: 10",
        "  1 without text (PMC10)",
        "  Disease 12 -> DISO",
        "  Species 3 -> LIVB",
        "  Finding 1 -> not mapped",
        "DISO: 12 mentions",
        "  1 discontinuous",
        "  1 duplicates of another",
        "  1 nested in another",
        "  1 overlapping with another",
        "LIVB: 3 mentions",
        "Split (random, 60/10/30 percent, seed 1)",
        "  9 documents without PMID and PMCID, found in the silver corpus by text alone (d1, d2, d3, ...)",
        "    of all parts:",
        "    1 widened to the borders of their tokens",
        "    1 cut in two at a line break",
    ):
        assert line in lines, line
    sizes = [line.split()[2] for line in lines if line.startswith(("  DISO t", "  DISO d"))]
    assert sizes == ["6", "1", "3"]


def test_a_text_in_two_parts_is_told(tmp_path):
    corpus = brat(tmp_path / "c", d1=["X 0 9"], d2=["X 0 9"], d3=["X 0 9"])
    (corpus / "d2.txt").write_text(f"{TEXT} !")  # letters and digits are compared
    [warning] = report(corpus, {"DISO": ["X"]}).warnings
    assert warning.startswith("1 texts stand in two parts under different ids, such as d1 and d2")
    for number in (1, 2, 3):
        (corpus / f"d{number}.txt").write_text(f"{TEXT} {number}")
    for number in (4, 5, 6):
        (corpus / f"e{number}.txt").write_text(" ")
        (corpus / f"e{number}.ann").write_text("")
    assert not any("two parts" in warning for warning in report(corpus, {"DISO": ["X"]}).warnings)


def test_policies_are_applied_and_told(tmp_path):
    corpus = brat(tmp_path / "c", **{f"d{n}": ["X 0 9", "X 0 5", "X 19 23;34 42"] for n in range(3)})
    found = report(corpus, {"DISO": ["X"]}, discontinuous="drop", overlapping="longest")
    lines = [line.strip() for line in found.lines]
    assert "3 left out by `discontinuous: drop`" in lines
    assert "3 left out by `overlapping: longest`" in lines


def test_all_offset_errors_are_named_with_file_and_line(tmp_path):
    corpus = brat(tmp_path / "c", d1=["X 0 9"], d2=["X 0 9"], d3=["X 0 9"])
    (corpus / "d1.ann").write_text("T1\tX 0 9\tFluphoria\nT2\tX 5 999\tx\nT3\tX 7 7\tx\n")
    (corpus / "d2.ann").write_text("T1\tX 500 502;600 603\tx y\nT2\tX 0 9\tFluphoria\n")
    (corpus / "d3.ann").write_text("T1\tX 900 901\tx\n")
    found = report(corpus, {"DISO": ["X"]})
    assert [error.split(": ")[0] for error in found.errors] == [
        f"{corpus}/d1.ann:2", f"{corpus}/d1.ann:3", f"{corpus}/d2.ann:1", f"{corpus}/d2.ann:1", f"{corpus}/d3.ann:1",
    ]  # fmt: skip
    assert "Split" not in found.text()


def test_offsets_that_count_otherwise_are_an_error(tmp_path):
    corpus = brat(tmp_path / "c", **{f"d{number}": ["X 0 9"] for number in range(10)})
    for number in range(10):
        (corpus / f"d{number}.txt").write_text("\ufeff" + TEXT)
    [error] = report(corpus, {"DISO": ["X"]}).errors
    assert "10 of 10 mentions have a text column that differs" in error
    assert "look for a byte order mark" in error


def test_a_column_of_other_case_or_none_is_no_error(tmp_path):
    corpus = brat(tmp_path / "c", **{f"d{number}": ["X 0 9"] for number in range(20)})
    for number in range(20):
        (corpus / f"d{number}.ann").write_text(f"T1\tX 0 9\t{'FLUPHORIA' if number % 2 else ''}\n")
    found = report(corpus, {"DISO": ["X"]})
    assert found.errors == []
    assert any("10 of 10 mentions have a text column that differs" in warning for warning in found.warnings)


def test_a_reader_that_stops_is_told(tmp_path):
    corpus = brat(tmp_path / "c", d1=["X 0 9"])
    (corpus / "d2.ann").write_text("T1\tX 0 9\tFluphoria\n")
    found = report(corpus, {"DISO": ["X"]})
    assert len(found.errors) == 1
    assert found.errors[0].startswith(f"{corpus}/d2.ann: has no .txt beside it")
    assert found.warnings == []
    assert "Documents: 1 up to the error that ends the reading" in found.text()


def test_labels_that_occur_nowhere_are_errors_with_the_nearest(tmp_path):
    corpus = brat(tmp_path / "c", d1=["Disease 0 9"], d2=[], d3=[])
    found = report(corpus, {"DISO": ["Diseases"]})
    assert found.errors == [f"{corpus}: label 'Diseases' of DISO occurs nowhere in it; did you mean 'Disease'?"]
    assert "  Disease 1 -> not mapped" in found.lines
    (corpus / "d1.ann").write_text("")
    assert "has no labels at all" in report(corpus, {"DISO": ["Disease"]}).errors[0]


def test_ids_that_come_twice_or_cannot_be_files(tmp_path):
    (tmp_path / "two.json").write_text('[{"id":"a","text":"x"}]')
    document = '{"documents":[{"id":"%s","passages":[{"offset":0,"text":"FIC1.","annotations":[{"infons":{"type":"g"},"text":"FIC1","locations":[{"offset":0,"length":4}]}]}]}]}'
    folder = tmp_path / "c"
    folder.mkdir()
    for number, name in enumerate(["a", "b", "a"]):
        (folder / f"{number}.json").write_text(document % name)
    found = report(folder, {"PRGE": ["g"]}, format="bioc")
    assert found.errors == [f"{folder}: document 'a' comes 2 times; give each its own id"]
    (folder / "2.json").write_text(document % "x/y")
    assert "cannot be a file's name" in report(folder, {"PRGE": ["g"]}, format="bioc").errors[0]


def test_a_split_that_cannot_be_made(tmp_path):
    corpus = brat(tmp_path / "c", d1=["X 0 9"], d2=[])
    assert "too few" in report(corpus, {"DISO": ["X"]}).errors[0]
    assert "states no split" in report(corpus, {"DISO": ["X"]}, policy="own").errors[0]


def test_what_the_reader_logs_is_a_warning(tmp_path, caplog):
    corpus = brat(tmp_path / "c", d1=["X 0 9"], d2=["X 0 9"], d3=["X 0 9"])
    (corpus / "d1.ann").write_text("T1\tX 0 9\tTremosis\n")
    found = report(corpus, {"DISO": ["X"]}, pmid=r"PM(\d+)")
    assert found.errors == []
    assert any("the text column says 'Tremosis'" in warning for warning in found.warnings)
    assert any("fits no document's id" in warning for warning in found.warnings)
    assert caplog.text == ""


@pytest.mark.parametrize(("count", "more"), [(3, ""), (30, "  and 10 more")])
def test_long_lists_are_cut(tmp_path, count, more):
    corpus = brat(tmp_path / "c", d1=["X 0 9"])
    (corpus / "d1.ann").write_text("".join(f"T{n}\tX 0 {n + 1000}\tx\n" for n in range(count)))
    text = report(corpus, {"DISO": ["X"]}).text()
    assert f"Errors ({count})" in text
    assert more in text
    assert text.count("d1.ann:") == min(count, 20)
