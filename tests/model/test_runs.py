"""A training from files to files, as the workflow calls it."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load

from model import runs
from model.batches import WordVectors
from model.bundle import load_bundle
from model.corpus import write_arrays
from model.scores import score
from model.settings import ModelError
from tests.model.conftest import TRAINING, RunCall, without_clock

ROOT = Path(__file__).parents[2]


def columns(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line]


def test_a_source_is_a_bundle_with_history_and_metrics(pretrain: RunCall, files: dict[str, Path]) -> None:
    metrics = pretrain()
    assert sorted(path.name for path in files["output"].iterdir()) == [
        "history.tsv",
        "metrics.json",
        "model.json",
        "model.safetensors",
    ]
    assert sorted(path.name for path in files["output"].parent.iterdir()) == ["one"]
    assert metrics["test"] is None
    assert metrics["dev"]["f1"] > 0
    assert (metrics["train_sentences"], metrics["train_tokens"], metrics["train_documents"]) == (4, 15, 4)
    rows = list(csv.DictReader((files["output"] / "history.tsv").open(encoding="utf-8"), delimiter="\t"))
    assert len(rows) == metrics["epochs"]
    assert float(rows[metrics["best_epoch"] - 1]["f1"]) == pytest.approx(metrics["dev"]["f1"], rel=1e-5)
    load_bundle(files["output"], WordVectors.load(files["vectors"]))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_training_does_not_load_torchs_compiler(
    optimizer: str, files: dict[str, Path], sizes: dict[str, int]
) -> None:
    # which takes a second, of each training
    settings = {
        "tagger": sizes,
        "training": TRAINING | {"optimizer": optimizer},
        "seed": 1,
        "threads": 1,
        "name": "one",
    }
    paths = {name: str(path) for name, path in files.items()}
    program = f"""
import sys
from pathlib import Path
from model import runs
runs.run(**{settings}, **{{name: Path(path) for name, path in {paths}.items()}})
sys.exit(f"loaded with {{len(sys.modules)}} modules" if "torch._dynamo" in sys.modules else 0)
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_predictions_are_the_test_file_with_a_sixth_column(
    finetune: RunCall, files: dict[str, Path], tmp_path: Path
) -> None:
    metrics = finetune()
    rows = columns(files["output"] / "predictions.tsv")
    assert [row[:5] for row in rows] == columns(tmp_path / "test.tsv")
    assert (files["output"] / "predictions.tsv").read_text(encoding="utf-8").count("\n\n") == 2
    found = score([[row[4] for row in rows[:3]], [rows[3][4]]], [[row[5] for row in rows[:3]], [rows[3][5]]])
    assert metrics["test"] == found.as_dict()
    assert metrics["zero_shot"] is None
    assert metrics["transfer"] == []


def test_a_transfer_starts_from_its_source(pretrain: RunCall, finetune: RunCall, tmp_path: Path) -> None:
    source = pretrain(tmp_path / "source")
    metrics = finetune(
        source=tmp_path / "source",
        layers="crf",
        training=TRAINING | {"learning_rate": 1e-12, "epochs": 1, "dropout": 0.0},
    )
    assert metrics["zero_shot"]["dev"] == source["dev"]  # the same dev part, and nothing was learned yet
    assert metrics["zero_shot"]["test"] == metrics["test"]
    assert {row["state"] for row in metrics["transfer"]} == {"copied"}
    assert metrics["best_epoch"] == 0
    given, result = (
        load((folder / "model.safetensors").read_bytes()) for folder in (tmp_path / "source", tmp_path / "runs" / "one")
    )
    assert all((given[name] == result[name]).all() for name in given)


@pytest.mark.parametrize(("layers", "transferred"), [("none", False), ("fully_connected", False), ("crf", True)])
def test_patience_counts_from_the_start_where_all_layers_have_a_source(
    layers: str,
    transferred: bool,
    pretrain: RunCall,
    finetune: RunCall,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretrain(tmp_path / "source")
    told: list[bool] = []
    train = runs.train
    monkeypatch.setattr(
        runs, "train", lambda *given, **named: told.append(named["transferred"]) or train(*given, **named)
    )
    finetune(layers=layers, **({} if layers == "none" else {"source": tmp_path / "source"}))
    assert told == [transferred]


def test_layers_that_are_not_copied_begin_elsewhere_than_the_sources_did(
    pretrain: RunCall, finetune: RunCall, tmp_path: Path
) -> None:
    still = TRAINING | {"epochs": 1, "learning_rate": 1e-30}  # so that parameters stay where they begin
    pretrain(tmp_path / "source", training=still)
    finetune(tmp_path / "target", source=tmp_path / "source", layers="character_lstm", training=still)
    source, target = (load((tmp_path / name / "model.safetensors").read_bytes()) for name in ("source", "target"))
    same = {name for name in source if source[name].equal(target[name]) and source[name].any()}
    assert "character_embeddings.weight" in same
    assert not {name.split(".")[0] for name in same} & {"token_lstm", "fully_connected", "crf"}


def test_a_part_without_mentions_is_told(
    pretrain: RunCall, files: dict[str, Path], write_conll: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    nothing = write_conll([[("mice", "O")]], "nothing.tsv")
    with pytest.raises(ModelError, match=r"nothing\.tsv: holds no mention to choose the best epoch by"):
        pretrain(dev_file=nothing)
    pretrain(train_file=nothing)
    assert "no mention in the 1 training documents" in caplog.text


def test_a_transfer_needs_no_test_part(pretrain: RunCall, finetune: RunCall, tmp_path: Path) -> None:
    source = pretrain(tmp_path / "source")
    metrics = finetune(source=tmp_path / "source", layers="crf", test_file=None)
    assert (metrics["test"], metrics["zero_shot"]) == (None, {"test": None, "dev": source["dev"]})


def test_characters_that_only_the_source_knows_stay_known(
    pretrain: RunCall, finetune: RunCall, tmp_path: Path, write_conll: Callable[..., Path]
) -> None:
    pretrain(tmp_path / "source")
    small = write_conll([[("Qa", "O"), ("b", "S-DISO")]], "small.tsv")
    finetune(source=tmp_path / "source", layers="character_embeddings", train_file=small)
    alphabets = [
        json.loads((folder / "model.json").read_text(encoding="utf-8"))["alphabet"]
        for folder in (tmp_path / "source", tmp_path / "runs" / "one")
    ]
    assert alphabets[1] == [*alphabets[0], "Q", "b"]


def test_tags_that_the_development_part_alone_has_are_known(
    finetune: RunCall, tmp_path: Path, write_conll: Callable[..., Path]
) -> None:
    finetune(train_file=write_conll([[("no", "O"), ("name", "O")]], "plain.tsv"), training=TRAINING | {"epochs": 1})
    description = json.loads((tmp_path / "runs" / "one" / "model.json").read_text(encoding="utf-8"))
    assert description["tags"] == ["B-DISO", "E-DISO", "I-DISO", "O", "S-DISO"]


def test_a_source_reads_arrays_as_it_reads_conll(pretrain: RunCall, files: dict[str, Path], tmp_path: Path) -> None:
    from_conll = pretrain(tmp_path / "a")
    write_arrays(files["train_file"], tmp_path / "train.safetensors")
    from_arrays = pretrain(tmp_path / "b", train_file=tmp_path / "train.safetensors")
    assert without_clock(from_conll) == without_clock(from_arrays)
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()


def test_one_seed_repeats_a_run_and_a_share_uses_part_of_it(finetune: RunCall, tmp_path: Path) -> None:
    first, again = finetune(tmp_path / "a"), finetune(tmp_path / "b")
    assert without_clock(first) == without_clock(again)
    for name in ("model.safetensors", "model.json", "predictions.tsv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    half = finetune(tmp_path / "c", train_fraction=0.5)
    assert (half["train_documents"], half["train_sentences"]) == (2, 2)
    short = {"train_fraction": 0.5, "training": TRAINING | {"epochs": 1}}
    others = [finetune(tmp_path / "d", seed=seed, **short)["train_tokens"] for seed in (2, 3, 4)]
    assert len({half["train_tokens"], *others}) > 1  # other seeds draw other documents


def test_a_failed_run_leaves_its_folder_as_it_was(finetune: RunCall, files: dict[str, Path], tmp_path: Path) -> None:
    finetune()
    before = {path.name: path.read_bytes() for path in files["output"].iterdir()}
    (tmp_path / "test.tsv").write_text("broken\n", encoding="utf-8")
    for changes in ({}, {"source": tmp_path / "nowhere", "layers": "crf"}, {"training": TRAINING | {"epoch": 1}}):
        with pytest.raises(ModelError):
            finetune(**changes)
    assert {path.name: path.read_bytes() for path in files["output"].iterdir()} == before
    assert [path.name for path in files["output"].parent.iterdir()] == ["one"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": "crf"}, "layers none means no source"),
        ({"layers": "all"}, "layers is 'all'; valid values: none, token_embeddings"),
        ({"train_fraction": 0.0}, "train_fraction is 0.0"),
        ({"tagger": {"varient": "paper"}}, "tagger: unknown setting 'varient'; did you mean 'variant'"),
    ],
)
def test_wrong_arguments_are_refused(finetune: RunCall, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        finetune(**changes)
