"""Kinds of errors, strings that change, and seen mentions on a small made-up corpus."""

from dataclasses import replace

import pytest

from analysis.error_analysis import (
    DataSet,
    error_kinds,
    kinds_of_errors,
    read_data_set,
    same_string,
    seen_and_unseen,
    strings_gained_and_lost,
)
from analysis.mentions import Mention, Tagged


def tagged(gold, predicted):
    return Tagged(("d",), (frozenset(Mention("d", *m) for m in gold), frozenset(Mention("d", *m) for m in predicted)))


def test_every_error_has_one_kind():
    gold = [(0, 5), (10, 20), (30, 40), (50, 60), (70, 71)]
    predicted = [(0, 5), (12, 20), (33, 36), (80, 90), (71, 75)]
    annotated = frozenset(Mention("d", *m) for m in [*gold, (33, 36), (80, 90)])
    run = tagged(gold, predicted)
    counts = kinds_of_errors(run, annotated)
    assert counts == {
        ("correct", "gold and predicted"): 1,
        ("boundary", "gold"): 1,
        ("boundary", "predicted"): 1,
        ("nested", "gold"): 1,
        ("nested", "predicted"): 1,
        ("missed", "gold"): 2,
        # (80, 90) is annotated but no flat mention overlaps it; (71, 75) touches (70, 71) and shares no character
        ("spurious", "predicted"): 2,
    }
    sides = {"gold": run.gold - run.predicted, "predicted": run.predicted - run.gold}
    for side, errors in sides.items():
        assert sum(number for (_, counted), number in counts.items() if counted == side) == len(errors)


@pytest.fixture
def data(tmp_path):
    """One test document, one training document, two seeds."""
    text = "Flu and big  flu or anaemia; no gout."
    brat = tmp_path / "brat"
    brat.mkdir()
    (brat / "d.txt").write_text(text)
    (brat / "d.ann").write_text(
        "T1\tX 0 3\tFlu\nT2\tX 8 16\tbig flu\nT3\tX 13 16\tflu\nT4\tX 20 27\tanaemia\nR1\tno mention\n"
    )
    (brat / "t.txt").write_text("flu")
    (brat / "t.ann").write_text("T1\tX 0 3\tflu\n")
    train = tmp_path / "train.tsv"
    train.write_text("flu\tt\t0\t3\tS-X\n\n")
    tokens = [(0, 3), (4, 7), (8, 11), (13, 16), (17, 19), (20, 27), (29, 31), (32, 36)]
    gold = ["S", "O", "B", "E", "O", "S", "O", "O"]
    runs = {
        ("baseline", 1): ["S", "O", "O", "S", "O", "O", "O", "S"],  # Flu; wrong: inner flu, gout
        ("transfer", 1): ["S", "O", "B", "E", "O", "S", "O", "O"],  # all
        ("baseline", 2): ["S", "O", "O", "O", "O", "O", "O", "O"],
        ("transfer", 2): ["O", "O", "O", "O", "O", "S", "O", "O"],  # loses Flu
    }
    paths = []
    for (regime, seed), tags in runs.items():
        path = tmp_path / f"{regime}/share60/seed{seed}/predictions.tsv"
        path.parent.mkdir(parents=True)
        rows = [
            (text[a:b], "d", a, b, *(t if t == "O" else f"{t}-X" for t in pair))
            for (a, b), *pair in zip(tokens, gold, tags, strict=True)
        ]
        path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows) + "\n")
        paths.append(path)
    return read_data_set(paths, train, brat)


def test_kinds_are_means_over_seeds(data):
    table = error_kinds(data).set_index(["kind", "counted_among"])
    assert table.loc[("correct", "gold and predicted"), ["baseline", "transfer", "change"]].tolist() == [1, 2, 1]
    assert table.loc[("nested", "gold"), "baseline"] == 0.5
    assert table.loc[("nested", "predicted"), "baseline"] == 0.5
    assert table.loc[("missed", "gold"), ["baseline", "transfer"]].tolist() == [1.5, 1]
    assert table.loc[("spurious", "predicted"), ["baseline", "transfer"]].tolist() == [0.5, 0]


def test_strings_found_and_lost(data):
    table = strings_gained_and_lost(data)
    rows = [tuple(row) for row in table.to_numpy()]
    assert rows == [
        ("found", "anaemia", 1.0),
        ("found", "big flu", 0.5),
        ("lost", "Flu", 0.5),
        ("false positive gone", "flu", 0.5),
        ("false positive gone", "gout", 0.5),
    ]


def test_seen_is_by_string_whatever_its_case(data):
    table = seen_and_unseen(data).set_index("mentions")
    assert table.gold.to_dict() == {"seen": 1, "unseen": 2, "all": 3}
    # Baseline, seed 1: seen predictions are Flu (right) and flu (wrong); seed 2: Flu.
    assert table.loc["seen", "precision_baseline"] == pytest.approx((50 + 100) / 2)
    assert table.loc["seen", "recall_transfer"] == pytest.approx((100 + 0) / 2)
    assert table.loc["unseen", "f1_transfer"] == pytest.approx((100 + 200 * 1 / 3) / 2)
    assert table.loc["all", "f1_baseline"] == pytest.approx((200 * 1 / 6 + 200 * 1 / 4) / 2)
    assert same_string("Big \n Flu") == same_string("big flu")


def test_a_share_of_nothing_is_no_score(data):
    mentions = [m for pair in data.pairs for run in pair for m in (*run.gold, *run.predicted)]
    known = replace(data, trained=frozenset(same_string(data.string(m)) for m in mentions))
    row = seen_and_unseen(known).set_index("mentions").loc["unseen"]
    assert row.gold == 0
    assert row.drop("gold").isna().all()


def test_without_pairs_the_tables_are_empty():
    nothing = DataSet((), frozenset(), {}, frozenset())
    assert error_kinds(nothing).empty
    assert strings_gained_and_lost(nothing).empty
    assert seen_and_unseen(nothing).empty


def test_a_broken_annotation_is_named(tmp_path, data):
    (tmp_path / "brat/d.ann").write_text("T1\tX 0 3\tFlu\nT2\tX five 3\tFlu\n")
    with pytest.raises(ValueError, match=r"d\.ann:2: not a Brat annotation"):
        read_data_set(sorted(tmp_path.glob("*/share60/*/predictions.tsv")), tmp_path / "train.tsv", tmp_path / "brat")
