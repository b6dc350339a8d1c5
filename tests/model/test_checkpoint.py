"""Trainings that were killed go on, and those that have ended are not done again."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from model import runs
from model import training as training_module
from model.checkpoint import Checkpoint
from model.settings import ModelError
from tests.model.conftest import TRAINING, RunCall, without_clock

TIMED = ("metrics.json", "history.tsv")  # what holds seconds


class Killed(BaseException):
    """Stands for the end of the process."""


def killed_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the training die when it has saved this many epochs."""
    saved = iter(range(1, 1000))
    save = Checkpoint.save

    def save_and_die(self: Checkpoint, *arguments: Any) -> None:
        save(self, *arguments)
        if next(saved) == epochs:
            raise Killed

    monkeypatch.setattr(Checkpoint, "save", save_and_die)


@pytest.mark.parametrize("changes", [{}, {"optimizer": "sgd", "clipping": "value", "learning_rate": 0.3}])
@pytest.mark.parametrize("epochs", [1, 4, 12])
def test_an_interrupted_run_ends_like_an_undisturbed_one(
    epochs: int, changes: dict[str, Any], finetune: RunCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, training = tmp_path / "checkpoints" / "run.safetensors", TRAINING | changes
    undisturbed = finetune(tmp_path / "a", training=training)
    with monkeypatch.context() as patch:
        killed_after(epochs, patch)
        with pytest.raises(Killed):
            finetune(tmp_path / "b", training=training, checkpoint=checkpoint)
    assert checkpoint.exists() and not (tmp_path / "b").exists()
    trained = []
    with monkeypatch.context() as patch:
        epoch_of = training_module._train_epoch
        patch.setattr(
            training_module, "_train_epoch", lambda *arguments: (trained.append(arguments[5]), epoch_of(*arguments))[1]
        )
        resumed = finetune(tmp_path / "b", training=training, checkpoint=checkpoint)
    assert trained == list(range(epochs + 1, undisturbed["epochs"] + 1))
    assert without_clock(resumed) == without_clock(undisturbed)
    lines = (tmp_path / "b" / "history.tsv").read_text(encoding="utf-8").splitlines()
    assert resumed["seconds"] > 0.99 * sum(float(line.split("\t")[-1]) for line in lines[1:])  # of all its processes
    for name in ("model.safetensors", "model.json", "predictions.tsv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert [path.name for path in checkpoint.parent.iterdir()] == ["run.made"]


def test_a_checkpoint_of_anything_else_is_not_used(
    finetune: RunCall, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    checkpoint = tmp_path / "run.safetensors"
    with monkeypatch.context() as patch:
        killed_after(2, patch)
        with pytest.raises(Killed):
            finetune(checkpoint=checkpoint, code="a")
    saved = checkpoint.read_bytes()
    text = files["dev_file"].read_text(encoding="utf-8")
    for changes in ({"code": "b"}, {"seed": 2}, {"training": TRAINING | {"dropout": 0.2}}, {"train_fraction": 0.5}, {}):
        if not changes:
            files["dev_file"].write_text(text.replace("colon", "liver"), encoding="utf-8")
        checkpoint.write_bytes(saved)
        caplog.clear()
        caplog.set_level("INFO")
        finetune(**{"checkpoint": checkpoint, "code": "a"} | changes)
        assert "of other settings, data or code; training starts anew" in caplog.text
        assert "goes on after" not in caplog.text
    files["dev_file"].write_text(text, encoding="utf-8")
    broken = bytearray(saved)
    broken[-100] ^= 1
    for damaged in (saved[:100], bytes(broken)):
        checkpoint.write_bytes(damaged)
        shutil.rmtree(tmp_path / "run.made")
        caplog.clear()
        finetune(checkpoint=checkpoint, code="a")
        assert "damaged" in caplog.text
        assert "goes on after" not in caplog.text


def test_a_checkpoint_belongs_to_its_source(
    pretrain: RunCall, finetune: RunCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        pretrain(tmp_path / name, seed=seed)
    arguments = {"layers": "crf", "checkpoint": tmp_path / "run.safetensors"}
    with monkeypatch.context() as patch:
        killed_after(2, patch)
        with pytest.raises(Killed):
            finetune(source=tmp_path / "a", **arguments)
    saved = (tmp_path / "run.safetensors").read_bytes()
    caplog.set_level("INFO")
    finetune(source=tmp_path / "b", **arguments)
    assert "of other settings, data or code; training starts anew" in caplog.text
    assert "goes on after" not in caplog.text
    (tmp_path / "run.safetensors").write_bytes(saved)
    finetune(source=tmp_path / "a", **arguments)
    assert "goes on after epoch 2" in caplog.text


@pytest.mark.parametrize("state", ["{", "null", "[]"])
def test_a_checkpoint_with_a_damaged_state_is_none(tmp_path: Path, state: str) -> None:
    checkpoint = Checkpoint(tmp_path / "run.safetensors", "x")
    checkpoint.path.write_bytes(save({"best": torch.zeros(1)}, {"identity": "x", "state": state}))
    assert checkpoint.load() is None


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the trainings that are done."""
    names: list[str] = []
    train = runs.train

    def listed(*arguments: Any, **settings: Any) -> Any:
        names.append(settings["name"])
        return train(*arguments, **settings)

    monkeypatch.setattr(runs, "train", listed)
    return names


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_training_that_has_ended_is_not_done_again(
    finetune: RunCall,
    files: dict[str, Path],
    tmp_path: Path,
    trained: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: Any,
) -> None:
    caplog.set_level("INFO")
    checkpoint, output = tmp_path / "checkpoints" / "run.safetensors", files["output"]
    finetune(checkpoint=checkpoint)
    made = contents(output)
    assert len(made) == 5
    for missing in ([], ["model.json"], list(made)):  # removed by Snakemake, or by one who wants the place
        for name in missing:
            (output / name).unlink()
        for path in files.values():
            if path.is_file():
                path.touch()
        finetune(checkpoint=checkpoint)
        assert contents(output) == made
    assert trained == ["target"]
    assert "not trained again" in caplog.text
    assert (output / "model.json").stat().st_mtime >= files["dev_file"].stat().st_mtime  # Snakemake demands it
    assert (output / "model.json").stat().st_nlink == 2  # what is kept takes no room
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    (output / "notes.txt").write_text("mine")
    for name in ("metrics.json", "model.json"):
        (output / name).unlink()
        with monkeypatch.context() as patch:
            patch.setattr(os, "link", fails)  # the results are on another disk now
            finetune(checkpoint=checkpoint)
        assert contents(output) == made | {"notes.txt": b"mine"}
    assert trained == ["target"]


def fails(*_arguments: Any) -> None:
    raise OSError("not here")


def test_a_training_is_done_again_when_anything_differs(
    pretrain: RunCall, finetune: RunCall, files: dict[str, Path], tmp_path: Path, trained: list[str]
) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        pretrain(tmp_path / name, seed=seed)
    given = {"source": tmp_path / "a", "layers": "crf", "checkpoint": tmp_path / "run.safetensors", "code": "a"}
    changes: list[dict[str, Any]] = [
        {"code": "b"},
        {"seed": 2},
        {"training": TRAINING | {"dropout": 0.2}},
        {"train_fraction": 0.5},
        {"layers": "token_lstm"},
        {"source": tmp_path / "b"},
        {"threads": 2},
    ]
    for change in changes:
        finetune(**given)
        trained.clear()
        finetune(**given | change)
        assert trained == ["target"], change
    vectors = files["vectors"]
    for path in (files["train_file"], files["dev_file"], tmp_path / "test.tsv", vectors / "vectors.json"):
        finetune(**given)
        trained.clear()
        before = path.read_text(encoding="utf-8")
        path.write_text(before.replace("file one", "file two").replace("mice", "rats").replace("of", "on"), "utf-8")
        if path.parent == vectors:  # then the source, of other vectors, cannot be used
            with pytest.raises(ModelError, match="give vectors of the same file"):
                finetune(**given)
        else:
            finetune(**given)
            assert trained == ["target"], path
        path.write_text(before, encoding="utf-8")


def test_what_was_kept_and_changed_since_is_not_used(
    finetune: RunCall, files: dict[str, Path], tmp_path: Path, trained: list[str]
) -> None:
    checkpoint, output = tmp_path / "run.safetensors", files["output"]
    finetune(checkpoint=checkpoint)
    made = contents(output)
    for name in ("model.safetensors", "metrics.json"):
        with (output / name).open("r+b") as file:  # an edit in place reaches what is kept
            file.write(b"x")
        trained.clear()
        finetune(checkpoint=checkpoint)
        assert trained == ["target"]
        assert contents(output) | dict.fromkeys(TIMED, b"") == made | dict.fromkeys(TIMED, b"")
    record = tmp_path / "run.made" / "made.json"
    for text in ("", "{", "[]", "{}", "[" * 100_000):
        record.write_text(text, encoding="utf-8")
        trained.clear()
        finetune(checkpoint=checkpoint)
        assert trained == ["target"]
        finetune(checkpoint=checkpoint)
        assert trained == ["target"]


def test_without_links_there_are_copies(
    finetune: RunCall, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: list[str]
) -> None:
    monkeypatch.setattr(os, "link", fails)
    finetune(checkpoint=tmp_path / "run.safetensors")
    made = contents(files["output"])
    shutil.rmtree(files["output"])
    finetune(checkpoint=tmp_path / "run.safetensors")
    assert contents(files["output"]) == made
    assert trained == ["target"]


def test_a_checkpoint_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError):
        Checkpoint(tmp_path / "run.safetensors", "a").save({"x": torch.zeros(2)}, {})
    assert not (tmp_path / "run.safetensors").exists()


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_the_checkpoint_goes_only_when_the_results_are_on_the_disk(
    call: str, finetune: RunCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    checkpoint, flush = tmp_path / "run.safetensors", os.fsync

    def fails_for_results(*arguments: Any) -> None:
        if call == "link" or not (written.exists() and os.path.samestat(os.fstat(arguments[0]), written.stat())):
            raise OSError("no room")
        flush(*arguments)

    written = tmp_path / ".run.safetensors.new"
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fails_for_results)
        patch.setattr(shutil, "copyfile", fails_for_results if call == "link" else shutil.copyfile)
        finetune(tmp_path / "a", checkpoint=checkpoint)
    assert "cannot be written (no room)" in caplog.text
    assert checkpoint.exists()
    assert not (tmp_path / "run.made").exists()
    caplog.set_level("INFO")
    made = contents(tmp_path / "a")
    finetune(tmp_path / "a", checkpoint=checkpoint)
    assert "goes on after epoch" in caplog.text
    assert not checkpoint.exists()
    assert contents(tmp_path / "a") | dict.fromkeys(TIMED, b"") == made | dict.fromkeys(TIMED, b"")


def test_a_training_put_back_leaves_the_checkpoint_of_another(
    finetune: RunCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    checkpoint, other = tmp_path / "run.safetensors", {"training": TRAINING | {"dropout": 0.2}}
    finetune(checkpoint=checkpoint)
    with monkeypatch.context() as patch:
        killed_after(3, patch)
        with pytest.raises(Killed):
            finetune(checkpoint=checkpoint, **other)
    caplog.set_level("INFO")
    finetune(checkpoint=checkpoint)
    assert "not trained again" in caplog.text
    finetune(checkpoint=checkpoint, **other)
    assert "goes on after epoch 3" in caplog.text


def test_how_a_source_was_trained_does_not_matter_if_its_parameters_are_the_same(
    pretrain: RunCall, finetune: RunCall, tmp_path: Path, trained: list[str]
) -> None:
    given = {"source": tmp_path / "source", "layers": "crf", "checkpoint": tmp_path / "run.safetensors"}
    for patience in (10, 11):
        pretrain(tmp_path / "source", training=TRAINING | {"patience": patience})
        finetune(**given)
    assert trained == ["source", "target", "source"]


def test_an_input_that_changes_while_it_is_in_use_stops_the_training(
    finetune: RunCall, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = runs.choose_device

    def changed() -> Any:
        files["train_file"].write_bytes(files["dev_file"].read_bytes() + b"\nrats\td9\t0\t4\tO\n\n")
        return device()

    monkeypatch.setattr(runs, "choose_device", changed)
    with pytest.raises(ModelError, match=r"train\.tsv.*changed while it was in use; run again"):
        finetune(checkpoint=tmp_path / "run.safetensors")
    assert not files["output"].exists()
    assert not (tmp_path / "run.made").exists()
