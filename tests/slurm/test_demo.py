"""The demonstration's whole DAG through a real Slurm with one GPU."""

from itertools import pairwise

import pandas as pd


def test_it_ends_with_its_scores_tables_and_figures(demo):
    results = demo.folder / "results"
    assert len(pd.read_csv(results / "scores.csv")) == 15
    assert len(list((results / "tables").rglob("*.csv"))) == 8 + 3 * 4
    assert len(list((results / "figures").glob("*.svg"))) == 5


def test_small_jobs_are_grouped(demo):
    assert len([job for job in demo.jobs if job.partition == "gpu"]) == 4 + 15 // 5
    assert len([job for job in demo.jobs if job.partition == "cpu"]) < 20  # of 46
    assert {job.fields["TresPerJob"] for job in demo.jobs if job.partition == "gpu"} == {"gres:gpu:1"}


def test_no_two_trainings_share_the_gpu(demo):
    trainings = sorted((job.start, job.end) for job in demo.jobs if job.partition == "gpu")
    assert all(end <= start for (_, end), (start, _) in pairwise(trainings))


def test_other_jobs_go_on_beside_a_training(demo):
    """Which of the workflow's own do depends on how Snakemake groups; another's job comes while one trains."""
    trainings = [job for job in demo.jobs if job.partition == "gpu"]
    others = [job for job in demo.jobs if job.partition == "cpu"]
    assert any(max(a.start, b.start) + 1 < min(a.end, b.end) for a in trainings for b in others)


def test_a_drained_node_loses_nothing(demo):
    assert {job.state for job in demo.jobs} == {"COMPLETED"}
    assert {job.fields["Restarts"] for job in demo.jobs} == {"0"}
    assert any(job.start < demo.drained < job.end for job in demo.jobs)
    # Slurm's times are whole seconds.
    assert not [job for job in demo.jobs if demo.drained + 1 < job.start < demo.returned - 1]
    assert [job for job in demo.jobs if job.start >= demo.returned - 1]
