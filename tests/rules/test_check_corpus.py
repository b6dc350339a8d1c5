"""`make check-corpus`: the program on configurations of a user."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import check_corpus
from configuration import ConfigError

PROGRAM = Path(check_corpus.__file__)
MINE = {"format": "pubtator", "path": "mine.txt", "entities": {"DISO": ["Disease"]}}
BLOCK = "{0}|t|Fluphoria.\n{0}|a|Seen in two patients.\n{0}\t{1}\t9\tFluphoria\tDisease\tD1\n\n"


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("".join(BLOCK.format(number, 0) for number in range(1, 5)))

    def configure(**corpus):
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"corpora": {"mine": MINE | corpus}}))
        return ["mine", "--configfile", "mine.yaml"]

    return configure


def test_a_good_corpus(study, capsys):
    assert check_corpus.main(study()) == 0
    out = capsys.readouterr().out
    assert out.startswith("mine (pubtator) at mine.txt\nDocuments: 4\n")
    assert "DISO train: 2 documents" in out
    assert out.endswith("mine can be used\n")


def test_offset_errors_are_named_and_the_exit_code_says_so(study, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text(BLOCK.format(1, 0) + BLOCK.format(2, 9))
    assert check_corpus.main(study()) == 1
    out = capsys.readouterr().out
    assert "mine.txt:7: span 9-9 is empty" in out
    assert out.endswith("mine cannot be used: 1 error\n")


@pytest.mark.parametrize(
    ("corpus", "expected"),
    [
        ({"format": "pubtatr"}, "corpora.mine.format: unknown value 'pubtatr'; did you mean 'pubtator'?"),
        ({"path": "mime.txt"}, "corpora.mine.path: mime.txt does not exist"),
        ({"pmid": "("}, "corpora.mine.pmid"),
        ({"colour": "blue"}, "corpora.mine: unknown key 'colour'"),
    ],
)
def test_faults_of_the_configuration_are_named(study, capsys, corpus, expected):
    assert check_corpus.main(study(**corpus)) == 1
    captured = capsys.readouterr()
    assert expected in captured.err
    assert captured.out == ""


def test_unknown_corpus_and_broken_yaml(study, tmp_path, capsys):
    with pytest.raises(ConfigError, match="unknown corpus 'mime'; did you mean 'mine'"):
        check_corpus.configured(study()[2:], "mime")
    (tmp_path / "mine.yaml").write_text("corpora: [")
    assert check_corpus.main(["mine", "--configfile", "mine.yaml"]) == 1
    assert "mine.yaml" in capsys.readouterr().err


@pytest.mark.workflow
def test_a_download_that_fails_is_told(study, tmp_path):
    arguments = study(path=None, urls=["http://127.0.0.1:9/mine.txt"])
    # A port that nobody serves; retries of a refused connection take half a minute.
    command = [sys.executable, str(PROGRAM), *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 1
    assert "mine.txt came from no address: http://127.0.0.1:9/mine.txt said: " in result.stderr
    assert result.stderr.endswith("mine could not be fetched; the lines above say why\n")
    assert not (tmp_path / "resources/native/mine").exists()
