"""docs/your_corpus.md is true: its files, its commands, what they print."""

import re
from pathlib import Path

import pytest
import yaml

import check_corpus
import configuration
import study

PAGE = Path(__file__).parents[2] / "docs" / "your_corpus.md"
FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = re.compile(
    r"^    make check-corpus CORPUS=(\w+) CONFIG=(\S+)\n\n```console\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
SECTIONS = [section for section in PAGE.read_text(encoding="utf-8").split("\n## ") if RUN.search(section)]


def test_every_general_format_has_an_example():
    formats = {"brat", "BioC XML", "BioC JSON", "PubTator", "PubAnnotation", "CoNLL", "tagtog"}
    assert formats <= {section.split("\n")[0] for section in SECTIONS}


@pytest.mark.parametrize("section", SECTIONS, ids=[section.split("\n")[0] for section in SECTIONS])
def test_the_example_prints_what_the_page_says(section, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, content in FILE.findall(section):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content, encoding="utf-8")
    [(corpus, config, printed)] = RUN.findall(section)
    code = check_corpus.main([corpus, "--configfile", config])
    assert capsys.readouterr().out == printed
    assert code == ("cannot be used" in printed)


def test_the_study_of_nothing_but_ones_own_downloads_nothing(tmp_path, monkeypatch):
    text = PAGE.read_text(encoding="utf-8").split("\n## A study of nothing but your own\n")[1]
    (tmp_path / "study.yaml").write_text(re.search(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1])
    monkeypatch.chdir(tmp_path)
    for folder in ("notes", "silver"):
        Path(folder).mkdir()
        Path(folder, "90001.txt").write_text("Fluphoria.")
        Path(folder, "90001.ann").write_text("T1\tDisease 0 9\tFluphoria\n")
    Path("vectors.bin").touch()
    config = configuration.load(["study.yaml"])
    configuration.check(config, yaml.safe_load((PAGE.parents[1] / "rules/schemas/config.schema.yaml").read_text()))
    configuration.check_labels(config)
    assert study.data_sets(config) == [("DISO", "mine")]
    assert list(configuration.notices(config)) == []
    # Blacklists of classes that the study has not are never fetched.
    remote = {name for name, source in configuration._sources(config) if not source.get("path")}
    assert remote == {f"silver.blacklists.{entity}" for entity in ("CHED", "LIVB", "PRGE")}
