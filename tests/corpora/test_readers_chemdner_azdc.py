"""Readers of the CHEMDNER patents and of the Arizona Disease Corpus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import CorpusError, Mention
from corpora.readers import azdc, chemdner

PATENTS = "ZZ1A\tSulfonamide salts\tA salt of fictazole.\nZZ2A\tNothing\t\n"
GOLD = "ZZ1A\tT\t0\t11\tSulfonamide\tFAMILY\nZZ1A\tA\t10\t19\tfictazole\tTRIVIAL\n"
HEADER = "Id\tDoc Id\tSentence No.\tSentence\tStart Point\tEnd Point\tPhrase\n"
TABLE = (
    "1\t0090\t1\tMild fictitis caf\u00e9 .\t6\t13\tfictitis\n"
    "2\t0090\t1\tMild fictitis caf\u00e9 .\t1\t13\tMild fictitis\n"
    "3\t91\t1\tNo .\t0\t0\n"
    "4\t0090\t2\tNo complaints of caf\u00e9itis .\t18\t25\tcaf\u00e9itis\n"
)


def patents(folder, text=PATENTS, gold=GOLD):
    names = {
        "a/x_patents_train_text.txt": text,
        "a/x_gold_standard_train.tsv": gold,
        "a/x_gold_standard_eval.tsv": "no",
    }
    for name, content in names.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(content, newline="")
    return list(chemdner.read(folder))


def test_chemdner_texts_whose_gold_is_not_there(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/y_patents_test_text.txt").write_text("ZZ8A\tTest\tUnknown to the public.\n")
    with pytest.raises(CorpusError, match=r"y_patents_test_text\.txt: none of its patents has a mention"):
        patents(tmp_path)


def table(folder, rows=TABLE, header=HEADER):
    (folder / "azdc.txt").write_bytes((header + rows).encode("latin-1"))
    return list(azdc.read(folder / "azdc.txt"))


def names(document):
    return [(m.label, document.text[m.start : m.end]) for m in document.mentions]


def test_chemdner(tmp_path, caplog):
    first, second = patents(tmp_path)
    assert (first.id, first.pmid, first.text) == ("ZZ1A", "", "Sulfonamide salts\nA salt of fictazole.")
    assert names(first) == [("FAMILY", "Sulfonamide"), ("TRIVIAL", "fictazole")]
    assert (second.text, second.mentions) == ("Nothing\n", ())
    assert not caplog.text


@pytest.mark.parametrize(
    ("text", "gold", "reason"),
    [
        (PATENTS, GOLD + "ZZ1A\tT\t0\t18\tx\tFAMILY\n", r"train\.tsv:3: span 0-18 is empty or outside"),
        (PATENTS, GOLD + "ZZ1A\tB\t0\t1\tx\tFAMILY\n", r"train\.tsv:3: .* has not the columns id, T or A"),
        (PATENTS, GOLD + "ZZ1A\tT\t0\t1\tx\t\n", r"train\.tsv:3: .* has not the columns"),
        (PATENTS, GOLD + "ZZ9A\tT\t0\t1\tx\tFAMILY\n", r"train\.tsv:3: patent 'ZZ9A' is in no"),
        (PATENTS + "ZZ3A\tx\n", GOLD, r"text\.txt:3: 'ZZ3A\\tx' has not the columns"),
        (PATENTS + PATENTS, GOLD, r"text\.txt:3: patent 'ZZ1A' comes twice"),
        (PATENTS, "", r"holds no mentions in files \*_gold_standard"),
        ("", "", r"holds no patents in files"),
    ],
)
def test_bad_patents_are_named(tmp_path, text, gold, reason):
    with pytest.raises(CorpusError, match=reason):
        patents(tmp_path, text, gold)


@pytest.mark.parametrize("none", ["\t", "0\t0", "-\tn/a", "null\tnull"])
def test_an_azdc_row_without_numbers_is_a_sentence_without_mentions(tmp_path, none):
    [document] = table(tmp_path, f"1\t91\t1\tNo fictitis . \t{none}\n2\t91\t1\tNo fictitis .\t4\t11\n")
    assert (document.text, names(document)) == ("No fictitis . ", [("Disease", "fictitis")])


def test_azdc_counts_from_one_in_latin_1(tmp_path, caplog):
    first, second = table(tmp_path)
    assert (first.id, first.pmid) == ("0090", "90")
    assert first.text == "Mild fictitis caf\u00e9 .\nNo complaints of caf\u00e9itis ."
    assert names(first) == [("Disease", "fictitis"), ("Disease", "Mild fictitis"), ("Disease", "caf\u00e9itis")]
    assert (second.id, second.text, second.mentions) == ("91", "No .", ())
    assert not caplog.text


def test_azdc_columns_are_found_by_name(tmp_path):
    [document] = table(tmp_path, "90\t1\tFicts .\t1\t5\n", "Doc Id\tSentence No\tSentence\tStart Point\tEnd Point\n")
    assert names(document) == [("Disease", "Ficts")]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("1\t90\t1\tMild .\t3\t7\tx\n", r"azdc\.txt:2: span 3-7 is empty or outside"),
        ("1\t90\t1\tMild .\t0\t3\tx\n", r"azdc\.txt:2: span 0-3 is empty or outside"),
        ("1\t90\t1\tMild .\t3\t\tx\n", r"azdc\.txt:2: offsets '3' and '' are not both whole"),
        ("1\t90\t1\tMild .\n2\t90\t1\tOther .\n", r"azdc\.txt:3: sentence '1' of 90 has another text"),
        ("1\tx90\t1\tMild .\n", r"azdc\.txt:2: the row has no PMID"),
        ("1\t90\t1\n", r"azdc\.txt:2: the row has no PMID, sentence number or sentence"),
        ("", "holds no sentences"),
    ],
)
def test_bad_rows_are_named(tmp_path, rows, reason):
    with pytest.raises(CorpusError, match=reason):
        table(tmp_path, rows)


def test_azdc_without_a_column(tmp_path):
    with pytest.raises(CorpusError, match=r"azdc\.txt:1: the first line names no column 'Start Point'"):
        table(tmp_path, TABLE, HEADER.replace("Start Point", "Begin"))


@given(st.text("abc \u00e9", min_size=1, max_size=12).filter(lambda s: s.strip()), st.data())
def test_any_span_is_found_again(tmp_path_factory, sentence, data):
    start = data.draw(st.integers(0, len(sentence) - 1))
    end = data.draw(st.integers(start + 1, len(sentence)))
    folder = tmp_path_factory.getbasetemp() / "chemdner"
    [document] = patents(folder, f"A1\tTitle\t{sentence}\n", f"A1\tA\t{start}\t{end}\t{sentence[start:end]}\tX\n")
    assert document.mentions == (Mention("X", ((6 + start, 6 + end),)),)
    [document] = table(folder, f"1\t90\t1\tFirst\n1\t90\t2\t{sentence}\t{start + 1}\t{end}\n")
    assert document.text == f"First\n{sentence}"
    assert document.mentions == (Mention("Disease", ((6 + start, 6 + end),)),)


def test_an_azdc_table_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(azdc, "HELD_BYTES", len(HEADER + TABLE))
    assert table(tmp_path)
    monkeypatch.setattr(azdc, "HELD_BYTES", len(HEADER) + 10)
    with pytest.raises(CorpusError, match=r"azdc\.txt:2: the tables have more than"):
        table(tmp_path)
