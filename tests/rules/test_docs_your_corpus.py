"""docs/your_corpus.md is true: its files, its commands, what they print."""

import re
from pathlib import Path

import pytest

import check_corpus

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
