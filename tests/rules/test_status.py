"""`make status`: the states of trainings and other jobs, told from files, and the command that repeats a failed one."""

import copy
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import configuration
import progress
import status
from model.runs import run

ROOT = Path(__file__).parents[2]
RUN = "DISO/cdr/{}/share60/seed1"
EPOCH = (
    "{} INFO DISO cdr: epoch {}/20, loss 1.5, dev F1 40.00 (best 50.25 in epoch 2), 321 sentences/s, at most {} s left"
)


@pytest.fixture
def config():
    """One data set, five seeds, no figures' runs: ten fine-tunings and their five sources."""
    config = copy.deepcopy(yaml.safe_load((ROOT / "config.yaml").read_text()))
    config["study"] |= {"corpora": ["cdr"], "entities": ["DISO"], "seeds": [1, 2, 3, 4, 5]}
    for figure in ("learning_curves", "layers"):
        config["figures"][figure]["data_sets"] = []
    return config


def write(path, text, age=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)


def clock(age):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - age))


def log_of(*epochs, age=0, spacing=10):
    """A training's log with those epochs, the last written `age` seconds ago."""
    ages = [age + spacing * n for n in reversed(range(len(epochs) + 1))]
    lines = [f"{clock(ages[0])} INFO makes results/x/model.safetensors, results/x/metrics.json"]
    lines += [EPOCH.format(clock(a), epoch, 100) for epoch, a in zip(epochs, ages[1:], strict=True)]
    return "\n".join(lines) + "\n"


def metrics(test_f1, seconds):
    return json.dumps({"test": {"f1": test_f1}, "dev": {"f1": 1.0}, "epochs": 12, "seconds": seconds})


def checkpoint(epochs, f1):
    history = [{"epoch": n, "f1": f1 - 1 + n / epochs} for n in range(1, epochs + 1)]
    state = {"history": history, "best": {"gold": 1000, "predicted": 1000, "correct": round(10 * f1)}}
    header = json.dumps({"__metadata__": {"identity": "x", "state": json.dumps(state)}}).encode()
    return len(header).to_bytes(8, "little") + header


def states(folder, config):
    return {job.name: job for job in progress.jobs(folder, config)}


def test_each_state_is_told_from_the_files(tmp_path, config):
    runs = "results/runs/DISO/cdr/baseline/share60/seed{}/metrics.json"
    logs = "logs/finetune/DISO/cdr/baseline/share60/seed{}.log"
    write(tmp_path / runs.format(1), metrics(81.5, 100))
    write(tmp_path / logs.format(2), log_of(1, 2, 3, age=30), age=30)
    error = f"{clock(0)} ERROR the loss is nan in epoch 4\n{clock(0)} ERROR the traceback\nTraceback:\n  nan\n"
    write(tmp_path / logs.format(3), log_of(1, 2, 3) + error)
    write(tmp_path / logs.format(4), log_of(1, 2, age=4000), age=4000)
    saved = tmp_path / "checkpoints/runs/DISO/cdr/transfer/share60/seed1.safetensors"
    write(saved, "")
    saved.write_bytes(checkpoint(7, 66.6))
    found = states(tmp_path, config)
    named = {n: found[f"runs/DISO/cdr/baseline/share60/seed{n}"] for n in range(1, 6)}
    assert [job.state for job in named.values()] == ["done", "running", "failed", "stopped", "waiting"]
    assert (named[1].f1, named[1].part, named[1].epoch, named[1].seconds) == (81.5, "test", "12", 100)
    assert (named[2].f1, named[2].part, named[2].epoch, named[2].speed) == (50.25, "dev", "3/20", 321)
    assert named[2].seconds == pytest.approx(70, abs=3)  # a hundred, half a minute ago
    assert named[3].tail[-1].endswith(" ERROR the loss is nan in epoch 4")
    assert named[4].note == "silent for 1:06:40"
    resting = found["runs/DISO/cdr/transfer/share60/seed1"]
    assert (resting.state, resting.f1, resting.note) == ("waiting", 66.6, "goes on after epoch 7")
    assert len(found) == 5 + 10
    # Waiting: four runs' 100 s beside one that has 70 left; the sources' times are not known, so no sum is.
    assert progress.time_left(list(found.values())) is None
    fine_tunings = [job for job in found.values() if job.name.startswith("runs/")]
    assert progress.time_left(fine_tunings) == pytest.approx(70 + 7 * 100, abs=3)
    assert progress.time_left([*fine_tunings, named[2]]) == pytest.approx(
        (70 + 70 + 7 * 100) / 2, abs=3
    )  # two at a time


def test_what_a_training_before_its_first_epoch_goes_on_from(tmp_path, config):
    place = "DISO/cdr/baseline/share60/seed1"
    log, saved = tmp_path / f"logs/finetune/{place}.log", tmp_path / f"checkpoints/runs/{place}.safetensors"

    def found(lines, age, saved_age):
        write(log, lines, age=age)
        write(saved, "")
        saved.write_bytes(checkpoint(7, 66.6))
        os.utime(saved, (time.time() - saved_age,) * 2)
        job = states(tmp_path, config)[f"runs/{place}"]
        return job.state, job.epoch, job.f1, job.part

    assert found(log_of(), 0, 0) == ("running", "", None, "")  # perhaps of other settings
    resumed = log_of() + f"{clock(0)} INFO DISO cdr: goes on after epoch 7\n"
    assert found(resumed, 0, 0) == ("running", "7", 66.6, "dev")
    assert found(log_of(age=9000), 9000, 9000) == ("stopped", "7", 66.6, "dev")
    assert found(log_of(1, age=9000), 9000, 0)[0] == "running"  # its checkpoint moves


def test_a_long_log_is_read_at_both_ends(tmp_path):
    path = tmp_path / "x.log"
    write(path, log_of(1) + f"{clock(0)} WARNING {'x' * 99}\n" * 3000 + log_of(2).split("\n", 1)[1])
    log = progress.read_log(path)
    assert log.outputs == ["results/x/model.safetensors", "results/x/metrics.json"]
    assert [epoch["epoch"] for epoch in log.epochs] == ["1", "2"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"test": 1}', "null"])
def test_metrics_that_cannot_be_read_are_a_failure(tmp_path, config, content):
    run_folder = "runs/DISO/cdr/baseline/share60/seed1"
    write(tmp_path / "results" / run_folder / "metrics.json", content)
    job = states(tmp_path, config)[run_folder]
    assert job.state == "failed"
    assert job.note.startswith("metrics.json cannot be read")


def test_other_jobs_are_told_until_their_outputs_are_there(tmp_path, config):
    log = f"{clock(0)} INFO makes results/a.tsv, results/b.tsv\n"
    write(tmp_path / "logs/convert/DISO/cdr.log", log + f"{clock(0)} ERROR bad\n")
    write(tmp_path / "logs/tokenize/DISO/cdr.log", log)
    write(tmp_path / "logs/finetune/DISO/other/baseline/share60/seed1.log", log)  # of another study
    write(tmp_path / "logs/plot.log", "")  # a job that died at once
    when = time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(time.time() + 1))
    said = SNAKEMAKE.format(when=when, output="results/plot.svg", log="logs/plot.log")
    write(tmp_path / ".snakemake/log/1.snakemake.log", said)
    others = [job for job in states(tmp_path, config).values() if not job.name.startswith(("runs/", "source/"))]
    assert [(job.name, job.state, job.outputs) for job in others] == [
        ("convert/DISO/cdr", "failed", ["results/a.tsv", "results/b.tsv"]),
        ("plot", "failed", ["results/plot.svg"]),
        ("tokenize/DISO/cdr", "running", ["results/a.tsv", "results/b.tsv"]),
    ]
    for name in ("a.tsv", "b.tsv"):
        write(tmp_path / "results" / name, "")
    assert "convert/DISO/cdr" not in states(tmp_path, config)


def test_the_report_has_a_line_for_every_state(tmp_path):
    log = tmp_path / "x.log"
    some = [
        progress.Job("runs/a", "done", log, ["a"], "12", 81.5, "test", seconds=3725.0),
        progress.Job("runs/b", "running", log, ["b"], "3/20", 50.25, "dev", 321.0, 70.0),
        progress.Job("runs/c", "waiting", log, ["c"]),
        progress.Job("runs/d", "failed", log, ["d e"], note="why"),
    ]
    lines = "\n".join(status.report(some, ["snakemake"])).split("\n")
    assert [line.split() for line in lines[1:5]] == [
        ["done", "runs/a", "12", "81.50", "test", "1:02:05"],
        ["running", "runs/b", "3/20", "50.25", "dev", "321", "0:01:10", "left,", "at", "most"],
        ["waiting", "runs/c"],
        ["failed", "runs/d", "why"],
    ]
    assert lines[-5:-2] == [f"  {log} ends with", "    (nothing)", "  again: snakemake -- 'd e'"]
    assert lines[-1].startswith("4 trainings: 1 done, 1 running, 1 waiting, 0 stopped, 1 failed; ")


def test_a_long_epoch_is_no_silence(tmp_path, config):
    log = tmp_path / "logs/pretrain/DISO/seed1.log"
    write(log, log_of(1, 2, 3, age=9000, spacing=4000), age=9000)
    assert states(tmp_path, config)["source/DISO/seed1"].state == "running"
    write(log, log_of(1, 2, 3, age=12500, spacing=4000), age=12500)
    assert states(tmp_path, config)["source/DISO/seed1"].state == "stopped"


SNAKEMAKE = """Select jobs to execute...
[{when}]
Error in rule finetune:
    message: SLURM-job '12' failed, SLURM status is: OUT_OF_MEMORY.
    jobid: 3
    input: a, b
    output: {output}
    log: {log} (check log file(s) for error details)
    external_jobid: 12
"""


def test_a_job_that_left_no_word_is_told_by_snakemakes_log(tmp_path, config):
    log = "logs/finetune/DISO/cdr/baseline/share60/seed1.log"
    name = "runs/DISO/cdr/baseline/share60/seed1"
    write(tmp_path / log, log_of(1, 2, age=20), age=20)
    when = time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(time.time() - 10))
    said = SNAKEMAKE.format(when=when, output=f"results/{name}/metrics.json", log=log)
    write(tmp_path / ".snakemake/log/2026-01-01T1.snakemake.log", said)
    job = states(tmp_path, config)[name]
    assert (job.state, job.note) == ("failed", "SLURM-job '12' failed, SLURM status is: OUT_OF_MEMORY.")
    write(tmp_path / log, log_of(1, 2, 3))  # a second attempt
    assert states(tmp_path, config)[name].state == "running"
    write(tmp_path / ".snakemake/log/2026-01-01T2.snakemake.log", "Building DAG\nComplete log(s): a dry run's\n")
    assert states(tmp_path, config)[name].state == "running"
    os.utime(tmp_path / log, (time.time() - 5,) * 2)
    write(tmp_path / ".snakemake/log/2026-01-01T1.snakemake.log", said + "Complete log(s): x\n")
    assert states(tmp_path, config)[name].state == "stopped"


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\xff" * 8, (5).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]", checkpoint(2, 1.0)[:-9]],
)
def test_a_damaged_checkpoint_says_nothing(tmp_path, damaged):
    path = tmp_path / "c.safetensors"
    path.write_bytes(damaged)
    assert progress.read_checkpoint(path) == (None, 0.0)


def test_six_hundred_runs_take_under_three_seconds_of_cpu_and_no_torch(tmp_path):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for number, folder in enumerate(progress.trainings(config)):
        kind = "pretrain" if "/source/" in folder else "finetune"
        write(tmp_path / f"logs/{kind}/{folder.split('/', 2)[2]}.log", log_of(*range(1, 60)))
        if number % 2:
            write(tmp_path / folder / "metrics.json", metrics(80.0, 100))
    code = "import sys, time, status; status.main(['--directory', sys.argv[1]])"
    code += "; print(time.process_time(), 'torch' in sys.modules)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow_scripts")}
    output = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout.split("\n")
    assert output[-3].startswith("594 trainings: 297 done, 297 running, 0 waiting, 0 stopped, 0 failed; about ")
    seconds, torch = output[-2].split()
    print(seconds, "s")
    assert float(seconds) < 3
    assert torch == "False"
    assert len(output) == 594 + 5  # header, blank line, summary, the code's own line, the end


def status_of(study_, *overlays):
    """What the program prints for a study of the fixture `finished`."""
    command = [sys.executable, str(study_.project / "workflow_scripts/status.py"), "--directory", str(study_.folder)]
    command += ["--configfile", *(str(study_.folder / overlay) for overlay in overlays)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=study_.project, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def short(finished):
    """A further corpus of the finished study, of which nothing stays there."""
    yield finished.folder / "native/short.txt"
    folder = finished.folder
    for path in (*folder.glob("logs/**/short*"), *folder.glob("results/**/short*"), *folder.glob("*/native/short*")):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    (folder / "native/short.txt").unlink()


@pytest.mark.workflow
def test_a_finished_study_is_done_and_a_failed_job_is_repeated_by_its_command(finished, short):
    text = (finished.folder / "native/cdr_like.PubTator.txt").read_text()
    short.write_text(text.replace("|t|", "|q|"))
    corpus = {
        "format": "pubtator",
        "path": "native/short.txt",
        "entities": {"DISO": ["Disease"]},
        "labels": ["Disease"],
    }
    config = {"corpora": {"short": corpus}}
    assert finished.snakemake("results/brat/DISO/short.tsv", config=config).returncode != 0
    printed = status_of(finished, "overlay0.yaml", "overlay1.yaml")
    for name in ("source/DISO/seed1", "runs/DISO/toy/baseline/share60/seed1", "runs/DISO/toy/transfer/share60/seed1"):
        assert re.search(rf"^done +{name} ", printed, re.MULTILINE)
    assert "\nfailed: convert_corpus/DISO/short\n" in printed
    assert "short.txt:1: " in printed
    assert printed.split("\n")[-2].endswith("; other jobs failed: 1")
    again = shlex.split(printed.partition("\n  again: ")[2].split("\n")[0])
    assert again[-2:] == ["--", "results/brat/DISO/short"]
    short.write_text(text)  # mended
    again[0] = shutil.which("snakemake", path=str(Path(sys.executable).parent))
    result = subprocess.run(again, capture_output=True, text=True, cwd=finished.project, check=False)
    assert result.returncode == 0, result.stderr
    assert "failed: convert" not in status_of(finished, "overlay0.yaml", "overlay1.yaml")


@pytest.mark.workflow
def test_a_real_training_is_seen_running_and_stopped(finished, tmp_path):
    """A fine-tuning of the finished study, made to last and killed."""
    data = finished.folder / "results/conll/DISO/toy"
    config = configuration.load([finished.folder / "overlay0.yaml"])
    place = "DISO/toy/baseline/share60/seed1"
    settings = config["training"]["fast"]["target"] | {"epochs": 5000, "patience": 5000}
    arguments = {
        **{"train_file": data / "train.tsv", "dev_file": data / "dev.tsv"},
        "vectors": finished.folder / "results/vectors/DISO/toy",
        **{"tagger": config["tagger"], "training": settings, "seed": 1, "threads": 1, "name": "toy"},
        "checkpoint": tmp_path / f"checkpoints/runs/{place}.safetensors",
    }
    assert set(arguments) <= set(run.__kwdefaults__ or {}) | set(run.__code__.co_varnames)
    code = f"""
from pathlib import Path, PosixPath
from types import SimpleNamespace
import job
from model.runs import run
output = Path({str(tmp_path / "results/runs" / place)!r})
told = SimpleNamespace(log=[{str(tmp_path / "logs/finetune" / place) + ".log"!r}], rule="finetune", output=[str(output)])
told.input, told.params, told.threads, told.resources = [], {{}}, 1, {{}}
job.run(lambda _: run(output, **{arguments!r}), told)
"""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'workflow_scripts'}"}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until and process.poll() is None:
            job = states(tmp_path, config)[f"runs/{place}"]
            if job.epoch and int(job.epoch.split("/")[0]) >= 2:
                break
            time.sleep(0.2)
        assert job.state == "running", process.communicate()[1] if process.poll() is not None else job
        assert job.epoch.endswith("/5000")
        assert job.part == "dev"
        assert 0 <= job.f1 <= 100
        assert job.speed > 0
        assert job.seconds > 0
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    log = tmp_path / f"logs/finetune/{place}.log"
    write(tmp_path / ".snakemake/log/1.snakemake.log", "Select jobs to execute...\nComplete log(s): x\n", age=-1)
    job = states(tmp_path, config)[f"runs/{place}"]
    assert job.state == "stopped"
    epochs = int(job.epoch.split("/")[0])
    log.unlink()  # as Snakemake does before another attempt
    waiting = states(tmp_path, config)[f"runs/{place}"]
    assert waiting.note in {f"goes on after epoch {epochs}", f"goes on after epoch {epochs + 1}"}
    assert waiting.f1 is not None


def test_a_fault_in_the_configuration_is_one_line(tmp_path, capsys):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("study: {seed: 1}\n")
    assert status.main(["--configfile", str(overlay)]) == 1
    assert capsys.readouterr().err == "study: unknown key 'seed'; did you mean 'seeds'?\n"


def test_a_folder_that_is_not_there_is_one_line(tmp_path, capsys):
    assert status.main(["--directory", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/none: there is no such folder; correct --directory\n"
