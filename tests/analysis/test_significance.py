"""The statistics against simulated data and answers known from textbooks or by enumeration."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from analysis.significance import (
    bootstrap_intervals,
    corrected,
    mean_f1,
    over_data_sets,
    randomisation_test,
    seeds_test,
    significance,
)


def run_of(rng, gold, rate, seeds=1):
    """Counts (seeds, documents, 2) of a tagger that finds each gold mention with that chance, and as many wrong ones."""
    correct = rng.binomial(gold, rate, size=(seeds, len(gold)))
    wrong = rng.binomial(gold, 1 - rate, size=(seeds, len(gold)))
    return np.stack([correct, gold + correct + wrong], axis=-1)


def test_f1_is_of_the_summed_counts_and_averaged_over_runs():
    counts = np.array([[[1, 4], [2, 6]], [[3, 6], [2, 4]]])
    assert mean_f1(counts) == pytest.approx((200 * 3 / 10 + 200 * 5 / 10) / 2)
    assert mean_f1(np.zeros((1, 3, 2), dtype=int)) == 0


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_randomisation_test_errs_in_one_of_twenty_under_the_null(seeds):
    rng = np.random.default_rng(7)
    rejected = 0
    for _ in range(400):
        gold = rng.integers(0, 9, 30)
        hardness = rng.uniform(0.5, 0.9, 30)  # shared by both: documents differ in how hard they are
        rejected += (
            randomisation_test(run_of(rng, gold, hardness, seeds), run_of(rng, gold, hardness, seeds), 199) <= 0.05
        )
    assert 0.025 <= rejected / 400 <= 0.08  # 0.05 ± 2.5 standard errors


def test_the_randomisation_test_finds_a_difference():
    rng = np.random.default_rng(3)
    gold = rng.integers(1, 9, 60)
    assert randomisation_test(run_of(rng, gold, 0.6), run_of(rng, gold, 0.8), 999) <= 0.002


def test_two_documents_are_the_fewest_that_can_be_swapped():
    worse, better = np.array([[[0, 2]] * 2]), np.array([[[1, 2]] * 2])
    assert randomisation_test(worse, better) == pytest.approx(2 / 2**2)
    assert not np.isnan(bootstrap_intervals(worse, better, 99)).any()


def test_few_documents_are_swapped_in_every_way():
    worse, better = np.array([[[0, 2]] * 4]), np.array([[[1, 2]] * 4])
    assert randomisation_test(worse, better) == pytest.approx(2 / 2**4)
    # Documents on which both agree change nothing in which differences are extreme here.
    same = np.array([[[3, 7], [0, 0]]])
    assert randomisation_test(np.concatenate([worse, same], 1), np.concatenate([better, same], 1)) == pytest.approx(
        2 / 2**4
    )


def test_a_swap_takes_all_seeds_of_a_document():
    # Two seeds that always agree hold no more documents than one: the exact p-value is that of one seed.
    worse, better = np.array([[[0, 2]] * 5] * 2), np.array([[[1, 2]] * 5] * 2)
    assert randomisation_test(worse, better) == pytest.approx(2 / 2**5)


def test_equal_outputs_are_never_significant():
    counts = np.array([[[1, 3], [2, 5], [0, 1]]])
    assert randomisation_test(counts, counts) == 1
    assert randomisation_test(counts, counts + np.array([[[1, 0], [0, 0], [0, 0]]])) == 1  # one document: one swap


def test_bootstrap_intervals_hold_the_truth_in_most_samples():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(150):
        gold = rng.integers(1, 9, 80)
        both = run_of(rng, gold, 0.7), run_of(rng, gold, 0.8)
        low, high = bootstrap_intervals(*both, 300)[2]
        held += low <= 10 <= high  # F1 is the rate: as many wrong predictions as missed mentions
    assert held / 150 >= 0.89


def test_bootstrap_intervals_are_around_the_values_and_repeatable():
    rng = np.random.default_rng(5)
    gold = rng.integers(1, 9, 80)
    both = run_of(rng, gold, 0.7, 2), run_of(rng, gold, 0.8, 2)
    first = bootstrap_intervals(*both, 500)
    values = [mean_f1(both[0]), mean_f1(both[1]), mean_f1(both[1]) - mean_f1(both[0])]
    assert all(low < value < high for value, (low, high) in zip(values, first, strict=True))
    assert np.array_equal(first, bootstrap_intervals(*both, 500))
    assert np.isnan(bootstrap_intervals(both[0][:, :1], both[1][:, :1])).all()


def test_seeds_test_is_welchs():
    a, b = np.array([27.5, 21.0, 19.0, 23.6]), np.array([27.1, 22.0, 20.8, 23.4, 23.4])
    parts = a.var(ddof=1) / 4, b.var(ddof=1) / 5
    t = abs(a.mean() - b.mean()) / math.sqrt(sum(parts))
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 3 + parts[1] ** 2 / 4)
    assert seeds_test(a, b) == pytest.approx(2 * student.sf(t, freedom))
    assert math.isnan(seeds_test(a[:1], b))
    assert not math.isnan(seeds_test(a[:2], b[:2]))
    with pytest.warns(RuntimeWarning, match="nearly identical"):
        assert not math.isnan(seeds_test(a, np.full(4, 20.0)))  # spread in one alone
    for other in (1.0, 2.0):  # no spread, whatever the means
        assert math.isnan(seeds_test(np.array([1.0, 1.0]), np.array([other, other])))


def test_seeds_test_errs_in_one_of_twenty_under_the_null():
    rng = np.random.default_rng(11)
    p_values = [seeds_test(rng.normal(80, 1, 3), rng.normal(80, 1, 3)) for _ in range(1000)]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.065  # Welch is cautious with three


def test_corrections_are_the_textbooks():
    p_values = pd.Series([0.01, 0.04, 0.03, float("nan"), 0.005])
    assert corrected(p_values, "holm").round(4).tolist()[:3] == [0.03, 0.06, 0.06]
    assert corrected(p_values, "holm")[4] == pytest.approx(0.02)
    assert corrected(p_values, "fdr_bh").dropna().tolist() == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert math.isnan(corrected(p_values, "holm")[3])


def test_tests_over_data_sets():
    differences = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    table = pd.DataFrame({"class": ["Diseases"] * 3 + ["Chemicals"] * 2 + ["Species"], "difference": differences})
    result = over_data_sets(table).set_index("class")
    assert result.loc["All", "p_wilcoxon"] == pytest.approx(2 / 2**6)  # all six positive
    assert result.loc["All", "p_t"] == pytest.approx(0.00591, abs=1e-4)  # t = 3.5 / (1.8708 / sqrt 6) = 4.583, df 5
    assert result.loc["All", ["data_sets", "better", "mean_difference"]].tolist() == [6, 6, 3.5]
    assert result.loc["Species", ["p_wilcoxon", "p_t", "mean_difference_low"]].isna().all()
    assert result.loc["Chemicals", "p_t"] == pytest.approx(2 * student.sf(4.5 / 0.5, 1))
    same = over_data_sets(table.assign(difference=1.0)).set_index("class")
    assert same.loc["All", ["p_wilcoxon", "p_t"]].isna().all()  # no spread


def test_the_table_of_all_data_sets(tmp_path):
    def write(data_set, regime, seed, right):
        path = tmp_path / f"runs/{data_set}/{regime}/share60/seed{seed}/predictions.tsv"
        path.parent.mkdir(parents=True)
        tags = [("S-X", "S-X" if number < right else "O") for number in range(20)]
        path.write_text("".join(f"a\td{n}\t0\t1\t{g}\t{p}\n\n" for n, (g, p) in enumerate(tags)))
        return path

    paths = [
        write(d, r, 1, n)
        for d, r, n in [
            ("DISO/a", "baseline", 5),
            ("DISO/a", "transfer", 15),
            ("LIVB/a", "baseline", 9),
            ("LIVB/a", "transfer", 10),
            ("PRGE/a", "baseline", 3),
        ]
    ]
    table = significance(paths, {"a": "A"})
    assert table[["data_set", "class", "corpus", "documents", "seeds"]].values.tolist() == [
        ["DISO/a", "Diseases", "A", 20, 1],
        ["LIVB/a", "Species", "A", 20, 1],
    ]
    assert table.f1_baseline[0] == pytest.approx(200 * 5 / 25)
    assert table.difference[0] == pytest.approx(200 * 15 / 35 - 200 * 5 / 25)
    assert table.difference_low[0] < table.difference[0] < table.difference_high[0]
    assert [*table.columns[-6:]] == [
        f"p_{test}{suffix}" for test in ("randomisation", "seeds") for suffix in ("", "_holm", "_bh")
    ]
    assert table.p_randomisation[0] == pytest.approx(2 / 2**10)
    assert table.p_randomisation_holm[0] == pytest.approx(2 * 2 / 2**10)
    assert table.p_randomisation[1] == 1
    assert table.p_seeds.isna().all()
    assert significance([], {}).empty
    assert over_data_sets(significance([], {})).data_sets.tolist() == [0]
