"""Real corpora, where the environment variable CORPORA_MIRROR names a folder that holds them: counts and offsets."""

import os
import re
import zipfile
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

import study
from analysis.scores import paper_table
from corpora.brat import check_id, read_brat, third_column
from corpora.convert import CorpusSpec, convert, read_documents
from corpora.counting import count

ROOT = Path(__file__).parents[2]
MIRROR = Path(os.environ.get("CORPORA_MIRROR") or os.devnull)
PAPER = paper_table("paper/table1.csv").set_index(["entity", "corpus"])

pytestmark = pytest.mark.skipif(not MIRROR.is_dir(), reason="CORPORA_MIRROR names no folder with real corpora")

# Where the corpora lie; documents; where the paper's count is not ours: annotations and unique annotations.
PATHS = {
    "bc2gm": ("bc2GM_original-data.tar.gz", 20_000, {}),
    "bioinfer": ("bioinfer", 836, {"PRGE": (4367, 1039)}),  # the paper's source had 4,378 and 1,041
    "cdr": ("CDR_Data.tar.gz", 1500, {}),
    "linnaeus": ("manual-corpus-species-1.0.tar.gz", 100, {}),
    "loctext": ("LocText.tar.gz", 100, {"LIVB": (277, 37), "PRGE": (1393, 550)}),  # 276, 37, 1,395, 549
    "ncbi_disease": ("ncbi-disease", 792, {}),
    "s800": ("S800-1.0.tar.gz", 800, {}),
}
ARCHIVES = {
    ("DISO", "ncbi_disease"): "NCBI_disease_GSC_brat.tar.gz",
    ("LIVB", "linnaeus"): "LINNAEUS_GSC_brat.tar.gz",
    ("PRGE", "bc2gm"): "BC2GM_GSC_brat.tar.gz",
    ("CHED", "cdr_ched"): "CDR_CHED_GSC_brat.tar.gz",
    ("DISO", "cdr_diso"): "CDR_DISO_GSC_brat.tar.gz",
}


def config(*overlays):
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())
    for name in overlays:
        update_config(settings, yaml.safe_load((ROOT / f"overlays/{name}.yaml").read_text()))
    return settings


def entry(corpus):
    """The registry's; of LocText the mirror has tagtog's form."""
    return config(*(["originals"] if corpus == "loctext" else []))["corpora"][corpus]


def spec(corpus):
    return CorpusSpec.from_settings(study.reading_settings(corpus))


@pytest.mark.parametrize(
    ("entity", "name"),
    [(entity, name) for name in PATHS for e, name_ in PAPER.index if name_ == name for entity in [e]],
)
def test_a_corpus_gives_the_counts_of_table_1(tmp_path, entity, name):
    path, documents, differing = PATHS[name]
    folder, table = tmp_path / "brat.zip", tmp_path / "brat.tsv"
    convert(MIRROR / path, spec(entry(name)), entity, entry(name)["entities"][entity], folder=folder, table=table)
    with zipfile.ZipFile(folder) as archive:
        texts = {info.filename.removesuffix(".txt") for info in archive.infolist() if info.filename.endswith(".txt")}
        lines = 0
        for document in texts:
            text = archive.read(f"{document}.txt").decode()
            for line in archive.read(f"{document}.ann").decode().splitlines():
                _, (label, start, end), column = (
                    part.split(" ") if n == 1 else part for n, part in enumerate(line.split("\t"))
                )
                assert (label, column) == (entity, third_column(text[int(start) : int(end)])), (document, line)
                lines += 1
    found = count(read_brat(folder, table))
    row = PAPER.loc[(entity, name)]
    annotations = differing.get(entity, (row.annotations, row.unique_annotations))
    assert (len(texts), found["documents"]) == (documents, documents)
    assert (lines, found["annotations"], found["unique_annotations"]) == (annotations[0], *annotations)
    if name == "linnaeus":  # the authors' text of one article must differ from the corpus's
        assert found["sentences"] == pytest.approx(row.sentences, rel=0.0005)
        assert found["tokens"] == pytest.approx(row.tokens, rel=0.0005)
        assert found["unique_tokens"] == pytest.approx(row.unique_tokens, rel=0.005)
    else:
        assert (found["sentences"], found["tokens"], found["unique_tokens"]) == (
            row.sentences,
            row.tokens,
            row.unique_tokens,
        )


@pytest.mark.parametrize(("entity", "name"), ARCHIVES)
def test_the_authors_archives_hold_the_same_mentions(entity, name):
    def mentions(path, corpus):
        labels = dict.fromkeys(corpus["entities"][entity], entity)
        for document in read_documents(MIRROR / path, spec(corpus), labels):
            identifier = document.pmcid or document.id
            yield identifier, (document.text.rstrip(), document.mentions)

    native = re.sub("_(ched|diso)$", "", name)
    theirs = dict(mentions(f"authors-brat/{ARCHIVES[entity, name]}", config("authors_archives")["corpora"][name]))
    ours = dict(mentions(PATHS[native][0], entry(native)))
    assert sorted(theirs) == sorted(ours)
    different = [identifier for identifier in ours if ours[identifier] != theirs[identifier]]
    assert different == []


def test_the_authors_partition_of_biosemantics_names_parts_of_patents():
    with zipfile.ZipFile(MIRROR / "authors-brat/BioSemantics_partition_filenames.zip") as archive:
        parts = {
            split: archive.read(f"BioSemantics_partition_filenames/{split}_filenames.txt").decode().split()
            for split in ("train", "valid", "test")
        }
    assert {split: len(names) for split, names in parts.items()} == {"train": 2829, "valid": 472, "test": 1415}
    everything = [name for names in parts.values() for name in names]
    assert len(set(everything)) == 4716
    for name in everything:
        check_id(name, MIRROR)
        assert re.fullmatch(r"[A-Z]{2}\w+_\d{4}", name)
