"""The demonstration's corpora: offsets in every native form, the same bytes for a seed, and what makes them hard."""

import csv
import gzip
import re
import tarfile
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from lxml import etree

from demo.generate import generate, main
from demo.lexicons import COORDINATIONS, LOOKALIKES, NAMES, WORDS, draw, short_form
from demo.sentences import Mention, Sentence, abstract
from demo.silver import GENERAL_WORDS, annotate, concept, marked_up

GROUPS = {"ched", "diso", "livb", "prge"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "native"
    generate(folder, seed=3, gold_documents=40, silver_documents=150)
    return folder


@pytest.fixture(scope="module")
def trials(corpora):
    """PMID: (text, annotation fields) of the PubTator file."""
    documents = {}
    for block in (corpora / "cdr_like.PubTator.txt").read_text(encoding="utf-8").split("\n\n"):
        title, body, *lines = block.strip("\n").split("\n")
        pmid = title.split("|")[0]
        assert title.startswith(f"{pmid}|t|") and body.startswith(f"{pmid}|a|")
        documents[pmid] = f"{title[11:]}\n{body[11:]}", list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return documents


@pytest.fixture(scope="module")
def standoff(corpora):
    """(corpus, folder, PMID): (text, annotation lines) of the two Brat corpora."""
    files = {f"field_notes/all/{path.name}": path.read_bytes() for path in (corpora / "field_notes").iterdir()}
    with tarfile.open(corpora / "symbols.tar.gz") as archive:
        files |= {member.name: archive.extractfile(member).read() for member in archive}
    names = {name.rsplit(".", 1)[0] for name in files}
    return {
        tuple(name.split("/")): (files[f"{name}.txt"].decode(), files[f"{name}.ann"].decode().splitlines())
        for name in names
    }


@pytest.fixture(scope="module")
def silver(corpora):
    """PMID: (text, `e` elements) of the IeXML file."""
    root = etree.fromstring(gzip.decompress((corpora / "silver.iexml.gz").read_bytes()))
    documents = {}
    for article in root.iterfind("PubmedArticle"):
        citation = article.find("MedlineCitation")
        title, body = citation.find(".//ArticleTitle/document"), citation.find(".//AbstractText/document")
        text = "\n".join(" ".join("".join(s.itertext()) for s in part.iterfind("s")) for part in (title, body))
        documents[citation.findtext("PMID")] = text, list(article.iter("e"))
    return documents


def test_every_pubtator_line_reads_its_own_text(trials):
    labels = Counter()
    for pmid, (text, lines) in trials.items():
        for owner, start, end, name, label, ids, *members in lines:
            assert owner == pmid
            assert text[int(start) : int(end)] == name
            assert name == name.strip()
            labels[label, bool(members)] += 1
            assert len(ids.split("|")) == (len(members[0].split("|")) if members else 1)
    assert set(labels) == {(label, composite) for label in ("Chemical", "Disease") for composite in (False, True)}


def test_composite_members_are_made_of_the_mention_s_words(trials):
    composites = [fields for _, lines in trials.values() for fields in lines if len(fields) == 7]
    for fields in composites:
        first, second = fields[6].split("|")
        assert fields[3].lower() == f"{first.rsplit(' ', 1)[0]} and {second}".lower()


def test_every_brat_line_reads_its_own_text(standoff):
    labels, discontinuous = Counter(), Counter()
    for (corpus, _, _), (text, lines) in standoff.items():
        for number, line in enumerate(lines, 1):
            key, where, name = line.split("\t")
            label, offsets = where.split(" ", 1)
            spans = [tuple(map(int, span.split())) for span in offsets.split(";")]
            assert key == f"T{number}"
            assert " ".join(text[start:end] for start, end in spans) == name
            labels[corpus, label] += 1
            discontinuous[corpus] += len(spans) > 1
    assert set(labels) == {("field_notes", "Species"), ("symbols", "GENE")}
    assert min(discontinuous.values()) > 0


def test_symbols_come_with_their_own_split(standoff):
    sizes = Counter(folder for corpus, folder, _ in standoff if corpus == "symbols")
    assert sizes == {"train": 24, "valid": 4, "test": 12}


def test_all_ids_are_fictional(trials, standoff, silver):
    ids = [*trials, *(pmid for *_, pmid in standoff), *silver]
    assert all(re.fullmatch(r"9\d{7}", pmid) for pmid in ids)
    assert len(silver) == 150


def test_silver_holds_gold_documents_under_their_own_and_under_other_pmids(trials, standoff, silver):
    pmids_of = {text: pmid for pmid, (text, _) in silver.items()}
    gold = {
        "trials": {pmid: text for pmid, (text, _) in trials.items()},
        **{
            name: {pmid: text for (corpus, _, pmid), (text, _) in standoff.items() if corpus == name}
            for name in ("field_notes", "symbols")
        },
    }
    for texts in gold.values():
        found = Counter(pmids_of[text] == pmid for pmid, text in texts.items() if text in pmids_of)
        assert found == {True: 6, False: 3}


def test_silver_words_are_numbered_and_every_annotation_names_its_words(silver):
    nested, undecided = 0, 0
    for _, elements in silver.values():
        for element in elements:
            assert set(element.get("ct").split("|")) <= GROUPS
            annotations = [reference.split(":") for reference in element.get("id").split("|")]
            assert {fields[3] for fields in annotations} == set(element.get("ct").split("|"))
            words = [word.get("id") for word in element.iterfind("w")]
            assert words == [str(n) for n in range(1, len(words) + 1)]
            if words:
                assert all(set(fields[4].split(",")) <= set(words) for fields in annotations)
            nested += bool(words)
            undecided += element.get("ct") == "ched|prge" and not words
    assert nested > 0 and undecided > 0


def test_silver_annotates_general_words_and_gold_never_does(trials, standoff, silver):
    general = {word for words in GENERAL_WORDS.values() for word in words}
    annotated = {"".join(e.itertext()).lower() for _, elements in silver.values() for e in elements}
    assert {"patients", "disease", "gene", "protein", "drug"} <= annotated
    names = {fields[3].lower() for _, lines in trials.values() for fields in lines}
    names |= {line.split("\t")[2].lower() for _, lines in standoff.values() for line in lines}
    assert not names & general


def test_blacklists_list_the_general_words(corpora):
    for entity, words in GENERAL_WORDS.items():
        listed = (corpora / f"blacklist_{entity.lower()}.txt").read_text(encoding="utf-8").split("\n")
        assert listed == [*sorted(words), ""]


def test_silver_noise_is_a_quarter_to_a_third_of_the_mentions():
    rng = Random(0)
    total, right = 0, 0
    for _ in range(300):
        for sentence in abstract(("CHED", "DISO", "LIVB", "PRGE"), rng):
            found = set(annotate(sentence, rng))
            wanted = {(m.spans[0][0], m.spans[-1][1], (m.entity.lower(),)) for m in sentence.mentions}
            total, right = total + len(wanted), right + len(wanted & found)
    assert 0.25 < 1 - right / total < 0.35


def test_overlapping_spans_become_one_element_with_numbered_words():
    assert marked_up("Loss of FIC1 deficiency.", [(8, 12, ("prge",)), (8, 23, ("diso",))]) == (
        f'Loss of <e id="X:{concept("FIC1")}:T000:prge:1|X:{concept("FIC1 deficiency")}:T000:diso:1,2" ct="prge|diso">'
        '<w id="1">FIC1</w> <w id="2">deficiency</w></e>.'
    )


def test_markup_keeps_the_text_whatever_the_spans():
    rng = Random(1)
    for _ in range(200):
        text = "".join(rng.choice("ab <&> ") for _ in range(20))
        words = [match.span() for match in re.finditer(r"\S+", text)]
        if not words:
            continue
        pairs = [sorted(rng.choices(range(len(words)), k=2)) for _ in range(rng.randint(1, 4))]
        spans = sorted({(words[a][0], words[b][1], (rng.choice(sorted(GROUPS)),)) for a, b in pairs})
        assert "".join(etree.fromstring(f"<s>{marked_up(text, spans)}</s>").itertext()) == text


def test_silver_spans_discontinuous_names_from_end_to_end():
    sentence = Sentence("Barn and tree mites.", (Mention("LIVB", ((0, 4), (14, 19))),))
    spans = Counter(span for seed in range(100) for span in annotate(sentence, Random(seed)))
    assert spans.most_common(1)[0][0] == (0, 19, ("livb",))


def test_one_seed_gives_the_same_bytes_and_another_seed_others(corpora, tmp_path):
    generate(tmp_path / "same", seed=3, gold_documents=40, silver_documents=150)
    generate(tmp_path / "other", seed=4, gold_documents=40, silver_documents=150)
    assert contents(tmp_path / "same") == contents(corpora)
    other = contents(tmp_path / "other")
    assert other["cdr_like.PubTator.txt"] != contents(corpora)["cdr_like.PubTator.txt"]
    assert other["silver.iexml.gz"] != contents(corpora)["silver.iexml.gz"]


def test_gold_does_not_move_with_the_size_of_the_silver_corpus(corpora, tmp_path):
    generate(tmp_path / "smaller", seed=3, gold_documents=40, silver_documents=60)
    smaller, larger = contents(tmp_path / "smaller"), contents(corpora)
    assert {name for name in larger if smaller[name] != larger[name]} == {"silver.iexml.gz"}


def test_most_test_names_are_new_but_most_of_their_words_occur_in_silver(standoff, silver):
    folders = {
        part: [
            line.split("\t")[2] for (_, folder, _), (_, lines) in standoff.items() if folder == part for line in lines
        ]
        for part in ("train", "test")
    }
    new = set(folders["test"]) - set(folders["train"])
    assert len(new) > len(set(folders["test"])) / 2
    silver_words = {word for text, _ in silver.values() for word in re.findall(r"\w+", text.lower())}
    words = [word for name in new for word in re.findall(r"\w+", name.lower())]
    assert sum(word in silver_words for word in words) > len(words) / 2


@pytest.mark.parametrize("entity", sorted(NAMES))
def test_names_are_many_and_never_a_lookalike(entity):
    rng = Random(2)
    names = {draw(NAMES[entity], rng) for _ in range(4000)}
    lookalikes = {draw(LOOKALIKES[other], rng) for other in LOOKALIKES for _ in range(4000)}
    assert len(names) > 1000
    assert not any(re.search(r"[{}|]|  |^ | $", name) for name in names | lookalikes)
    if entity != "PRGE":  # a bare symbol may name a gene or, by design, a cell line
        assert not names & lookalikes


def test_every_word_list_is_used():
    used = set(re.findall(r"\{(\w+)\}", f"{NAMES}{LOOKALIKES}{COORDINATIONS}"))
    used |= {modifiers for modifiers, _ in COORDINATIONS.values()}
    assert used == set(WORDS)


@pytest.mark.parametrize(
    ("entity", "name", "short"),
    [
        ("DISO", "familial Keel disease", "FKD"),
        ("LIVB", "Rovella tarrosi", "R. tarrosi"),
        ("LIVB", "HEX/J mice", ""),
        ("LIVB", "Keel virus", ""),
        ("CHED", "2-chloro-avalol", ""),
        ("PRGE", "fic-kinase alpha", "FKA"),
        ("PRGE", "FIC1", ""),
    ],
)
def test_short_forms(entity, name, short):
    assert short_form(entity, name) == short


def test_a_folder_with_content_is_refused_and_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(SystemExit):
        main([str(tmp_path)])
    assert "remove it or name another one" in capsys.readouterr().err
    assert contents(tmp_path) == {"mine.txt": b"keep"}


def test_too_few_documents_are_refused(tmp_path):
    with pytest.raises(ValueError, match="at least 10 a gold corpus and 27"):
        generate(tmp_path / "out", silver_documents=5)
    assert not (tmp_path / "out").exists()
