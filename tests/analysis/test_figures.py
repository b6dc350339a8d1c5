"""Figures: the right numbers in them, any subset of the study, print sizes, the same bytes again."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from analysis.architecture import Sizes, figure1_architecture
from analysis.error_overlap import PARTS, SETS, error_overlap, figure4_error_overlap
from analysis.gain_by_size import bins_of_equal_size, figure3_gain_by_size, significance_of
from analysis.label_savings import baseline_share, label_savings
from analysis.layers import LAYERS, figure_s1_layers
from analysis.learning_curves import figure2_learning_curves
from analysis.scores import COLUMNS
from analysis.style import print_style, save

TITLES = {"cdr": "CDR", "mirna": "miRNA", "bc2gm": "BC2GM"}
SIZES = {"character_dimension": 25, "character_hidden": 30, "token_hidden": 100, "dense": 70, "variant": "paper"}


def scores_of(f1_by_run):
    rows = [
        dict.fromkeys(COLUMNS, 0) | {"entity": e, "corpus": c, "layers": layers, "share": share, "seed": seed, "f1": f1}
        | {"regime": "baseline" if layers == "none" else "transfer"}
        for (e, c, layers, share, seed), f1 in f1_by_run.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def curve(corpus="mirna", baseline=(70, 78, 82), transfer=(80, 82, 84), seeds=(0, 1, 2), entity="DISO"):
    return {
        (entity, corpus, layers, share, seed): f1 + (seed - seeds[0] - (len(seeds) - 1) / 2)
        for layers, values in (("none", baseline), ("crf", transfer))
        for share, f1 in zip((10, 20, 30), values, strict=False)
        for seed in seeds
    }


def overlap_of(*rows):
    return pd.DataFrame(rows, columns=["class", "data_sets", "seeds", *(f"{s}_{part}" for s in SETS for part in PARTS)])


def comparisons_of(differences):
    names = [f"{'DISO' if n % 2 else 'PRGE'}/c{n}" for n in range(len(differences))]
    classes = ["Diseases" if n % 2 else "Genes/proteins" for n in range(len(differences))]
    p = np.linspace(0.001, 0.2, max(len(differences), 1))[: len(differences)]
    return pd.DataFrame(
        {
            "data_set": names,
            "class": classes,
            "difference": differences,
            "p_randomisation": p,
            "p_randomisation_holm": p * 2,
        }
    )


def layer_runs(corpora=("mirna",), shares=(5, 60), seeds=(1, 2)):
    return {
        ("DISO", corpus, layer, share, seed): 50 + number + share / 10 + seed
        for corpus in corpora for number, layer in enumerate(LAYERS) for share in shares for seed in seeds
    }  # fmt: skip


def drawings():
    """Every figure with much, little and no data."""
    many = curve() | curve("cdr", entity="CHED") | curve("bc2gm", entity="PRGE")
    alone = {key: f1 for key, f1 in curve(seeds=(1,)).items() if key[2] == "none"}
    one = overlap_of(["Diseases", 1, 1, 0, 3, 20, 2, 0, 0, 0, 0, 0])
    yield "architecture", lambda: figure1_architecture(Sizes.from_settings(SIZES, 50))
    yield "curves", lambda: figure2_learning_curves(scores_of(many), TITLES, [])
    yield "curves, one seed", lambda: figure2_learning_curves(scores_of(curve(seeds=(1,))), TITLES, [("CHED", "cdr")])
    yield (
        "curves, one share",
        lambda: figure2_learning_curves(scores_of(curve(baseline=(7,), transfer=(8,))), TITLES, []),
    )
    yield "curves, no transfer", lambda: figure2_learning_curves(scores_of(alone), TITLES, [])
    yield "curves, nothing", lambda: figure2_learning_curves(scores_of({}), TITLES, [("CHED", "cdr")])
    yield (
        "gain",
        lambda: figure3_gain_by_size(
            comparisons_of([5.0, 4, 3, 2, 1, 0, -1]),
            {f"{e}/c{n}": 10 * n for n in range(7) for e in ("DISO", "PRGE")},
            4,
            [],
        ),
    )
    yield "gain, one", lambda: figure3_gain_by_size(comparisons_of([5.0]), {"PRGE/c0": 10}, 4, ["A note."])
    yield "gain, nothing", lambda: figure3_gain_by_size(comparisons_of([]), {}, 4, ["A note."])
    yield (
        "overlap",
        lambda: figure4_error_overlap(
            overlap_of(
                ["Diseases", 2, 3, 60, 420, 2500, 380, 30, 280, 120, 190, 200],
                ["Genes/proteins", 2, 3, 5, 5, 0, 0, 0, 9, 1, 0, 0],
            ),
            [],
        ),
    )
    yield "overlap, empty sets", lambda: figure4_error_overlap(one, ["A note."])
    yield "overlap, nothing", lambda: figure4_error_overlap(one[:0], ["A note."])
    yield "layers", lambda: figure_s1_layers(scores_of(layer_runs(("mirna", "cdr", "bc2gm"))), TITLES, [])
    yield (
        "layers, one run each",
        lambda: figure_s1_layers(scores_of(layer_runs(shares=(5,), seeds=(1,))), TITLES, [("CHED", "cdr")]),
    )
    yield "layers, nothing", lambda: figure_s1_layers(scores_of({}), TITLES, [])


DRAWINGS = dict(drawings())


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_figure_is_legible_and_vector(tmp_path, name):
    with print_style():
        figure = DRAWINGS[name]()
        figure.savefig(tmp_path / "figure.svg")
    svg = (tmp_path / "figure.svg").read_text()
    assert "<text" in svg  # text stays text
    assert "<image" not in svg  # and shapes stay shapes
    small = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_fontsize() < 7]
    assert not small
    assert figure.get_figwidth() <= 7.0


def test_the_same_data_give_the_same_bytes(tmp_path):
    contents = []
    for number in (1, 2):
        files = [tmp_path / f"{number}.{form}" for form in ("svg", "pdf", "png")]
        with print_style():
            save(DRAWINGS["curves, one seed"](), files)
        contents.append([file.read_bytes() for file in files])
    assert contents[0] == contents[1]
    assert not re.search(rb"<dc:date>|CreationDate", contents[0][0] + contents[0][1])
    assert b"'DejaVu Sans', Verdana, sans-serif" in contents[0][0]


def words(figure):
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def test_the_architecture_shows_the_configured_sizes():
    with print_style():
        figure = figure1_architecture(Sizes.from_settings(SIZES, 50))
    shown = words(figure)
    assert all(text.get_parse_math() for text in figure.findobj(Text) if "$" in text.get_text())
    with print_style():
        theirs = words(figure1_architecture(Sizes.from_settings(SIZES | {"variant": "neuroner"}, 50)))
    assert "coupled gates, no peepholes" in theirs
    for text in ("50 + 2 × 30 = 110", "2 × 100 units", "200 → 70 (tanh) → 5", "tanh 70", "coupled gates, peepholes"):
        assert text in shown


def test_curves_show_means_spread_and_what_is_missing():
    with print_style():
        figure = figure2_learning_curves(scores_of(curve()), TITLES, [("CHED", "cdr")])
    axis = figure.axes[0]
    baseline, transfer = (container for container in axis.containers)
    assert baseline.lines[0].get_xydata().tolist() == [[10, 70], [20, 78], [30, 82]]
    assert transfer.lines[0].get_xydata().tolist() == [[10, 80], [20, 82], [30, 84]]
    low, high = baseline.lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == (69, 71)  # one standard deviation of 69, 70, 71
    assert "25 %" in words(figure)
    assert "No runs of the regime" not in words(figure)
    dotted = [line.get_xydata().tolist() for line in axis.lines if line.get_linestyle() == ":"]
    assert dotted == [[[10, 80], [25, 80]], [[25, 80], [25, axis.get_ylim()[0]]]]
    assert "not in this study: CDR (chemicals)" in words(figure)
    with print_style():
        lonely = figure2_learning_curves(scores_of(curve(seeds=(1,))), TITLES, [])
        single = words(lonely)
        beyond = words(figure2_learning_curves(scores_of(curve(transfer=(90, 91, 92))), TITLES, []))
    assert "One seed a point" in single
    assert not any(container.has_yerr for container in lonely.axes[0].containers)
    assert "> 30 %" in beyond
    assert "No runs of the regime transfer." in words(DRAWINGS["curves, no transfer"]())


def test_a_panel_shows_its_own_data_set_alone():
    runs = curve() | curve("cdr", baseline=(1, 2, 3)) | curve("cdr", baseline=(4, 5, 6), entity="CHED")
    with print_style():
        figure = figure2_learning_curves(scores_of(runs), TITLES, [])
    drawn = {axis.get_title(): axis.containers[0].lines[0].get_ydata().tolist() for axis in figure.axes}
    assert drawn == {"CDR (chemicals)": [4, 5, 6], "CDR (diseases)": [1, 2, 3], "miRNA (diseases)": [70, 78, 82]}


def test_the_legend_names_the_classes_that_are_there():
    [legend] = DRAWINGS["gain, one"]().legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[:3] == ["Class", "Genes/proteins", ""]


@pytest.mark.parametrize(
    ("transfer", "baseline", "expected"),
    [
        ([80], [[70], [78], [82]], 25.0),
        ([78], [[70], [78], [82]], 20.0),
        ([60], [[70], [78], [82]], 10.0),
        ([90], [[70], [78], [82]], float("inf")),
        ([75], [[70], [80], [60]], 15.0),  # the first crossing counts
        ([79, 81], [[69, 71], [78], [82]], 25.0),
        ([], [[70], [78], [82]], None),
        ([80], [[], [78], [82]], None),
    ],
)
def test_the_share_that_transfer_saves_is_interpolated(transfer, baseline, expected):
    assert baseline_share(np.array(transfer), [10, 20, 30], [np.array(f1) for f1 in baseline]) == expected


def test_label_savings_stand_beside_the_papers_number():
    runs = curve() | curve("cdr", transfer=(90, 91, 92)) | curve("bc2gm", entity="PRGE", seeds=(1,))
    table = label_savings(scores_of(runs), TITLES, resamples=500).set_index("data_set")
    row = table.loc["DISO/mirna"]
    assert (row.share, row.seeds, row.baseline_share, row.baseline_share_paper) == (10, 3, 25.0, 28.0)
    assert (row.f1_transfer, row.f1_baseline) == (80, 70)
    assert 20 < row.baseline_share_low < 25 < row.baseline_share_high < 30
    beyond = table.loc["DISO/cdr"]
    assert np.isinf([beyond.baseline_share, beyond.baseline_share_low, beyond.baseline_share_high]).all()
    assert table.loc["PRGE/bc2gm", ["baseline_share_low", "baseline_share_high", "baseline_share_paper"]].isna().all()
    assert label_savings(scores_of({}), TITLES).empty
    alone = scores_of(curve() | curve("cdr")).query("corpus == 'cdr' or layers == 'none'")
    assert label_savings(alone, TITLES, resamples=50).data_set.tolist() == ["DISO/cdr"]  # the other has no transfer
    later = scores_of(curve()).query("share > 10")
    assert label_savings(later, TITLES, resamples=50).baseline_share_paper.isna().all()  # the paper's is at 10 %


def test_bins_hold_as_many_data_sets_each():
    sizes = pd.Series(
        [182, 276, 479, 722, 1058, 1110, 1395, 1750, 2159, 3425, 3708, 4259, 4378, 4617, 5904, 6324, 6881]
    )
    bins = bins_of_equal_size(sizes, 4)
    assert bins.is_monotonic_increasing
    assert sorted(bins.value_counts()) == [4, 4, 4, 5]
    assert set(bins_of_equal_size(pd.Series([1, 2, 3, 4]), 4)) == {0}  # too few for two boxes
    assert set(bins_of_equal_size(pd.Series([5, 5, 5, 5, 5, 9]), 2)) == {0}  # equal values share a bin


@given(st.lists(st.integers(1, 9), min_size=1, max_size=23), st.integers(1, 6))
def test_no_bin_is_too_small_for_a_box(sizes, number):
    bins = bins_of_equal_size(pd.Series(sizes), number)
    assert bins.notna().all()
    assert bins.nunique() == 1 or bins.value_counts().min() >= 3
    assert bins.nunique() <= number


def test_titles_are_not_read_as_formulas():
    with print_style():
        figure = figure2_learning_curves(scores_of(curve()), TITLES | {"mirna": r"Cost $\x$ of US$"}, [])
        figure.draw_without_rendering()
    assert r"Cost $\x$ of US$" in words(figure)


def test_a_long_title_keeps_to_its_panel():
    with print_style():
        titles = TITLES | {"mirna": "A corpus of many words, " * 5}
        figure = figure2_learning_curves(scores_of(curve() | curve("cdr")), titles, [])
        figure.draw_without_rendering()
    left, right = (axis.title.get_window_extent() for axis in figure.axes)
    assert left.x0 >= figure.bbox.x0
    assert right.x1 <= figure.bbox.x1
    assert not left.overlaps(right)


def test_every_panel_has_a_name():
    many = {}
    for number in range(28):
        many |= curve(f"c{number}", seeds=(1,))
    with print_style():
        figure = figure2_learning_curves(scores_of(many), {f"c{number}": f"C {number}" for number in range(28)}, [])
    names = [axis.get_title(loc="left") for axis in figure.axes]
    assert names[25:] == ["Z", "AA", "AB"]
    assert all(axis.containers for axis in figure.axes)


def test_shapes_follow_the_test():
    rows = [(0.2, 0.4), (0.04, 0.08), (0.01, 0.02)]
    names = [significance_of(pd.Series({"p_randomisation": p, "p_randomisation_holm": q})) for p, q in rows]
    assert names == ["p > 0.05", "p ≤ 0.05", "p ≤ 0.05 after Holm"]


def test_mentions_are_the_same_by_corpus_document_and_span(tmp_path):
    def write(corpus, regime, tags):
        path = tmp_path / f"DISO/{corpus}/{regime}/share60/seed1/predictions.tsv"
        path.parent.mkdir(parents=True)
        path.write_text("".join(f"flu\td\t{n}\t{n + 1}\t{g}\t{p}\n" for n, (g, p) in enumerate(tags)) + "\n")
        return path

    # The same string at the same place of another corpus is another mention.
    paths = [
        write("a", "baseline", [("S-X", "S-X"), ("S-X", "O"), ("O", "S-X"), ("S-X", "O")]),
        write("a", "transfer", [("S-X", "S-X"), ("S-X", "S-X"), ("O", "O"), ("S-X", "O")]),
        write("b", "baseline", [("S-X", "S-X"), ("S-X", "O"), ("O", "O"), ("S-X", "O")]),
        write("b", "transfer", [("S-X", "O"), ("S-X", "S-X"), ("O", "S-X"), ("S-X", "O")]),
    ]
    row = error_overlap(paths).iloc[0]
    counts = {name: [row[f"{name}_{part}"] for part in PARTS] for name in SETS}
    assert counts == {"tp": [1, 2, 1], "fn": [2, 1, 2], "fp": [1, 1, 0]}
    assert (row["class"], row.data_sets, row.seeds) == ("Diseases", 2, 1)
    with print_style():
        assert re.search(r"Diseases\n\(2 corpora\)", words(figure4_error_overlap(error_overlap(paths), [])))
    assert error_overlap(paths[:1]).empty


def test_layers_are_in_the_order_of_the_network():
    with print_style():
        figure = figure_s1_layers(scores_of(layer_runs(shares=(5,))), TITLES, [])
    line = figure.axes[0].containers[0].lines[0]
    assert line.get_xydata().tolist() == [[n, 52 + n] for n in range(7)]
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == list(LAYERS.values())
    with print_style():
        single = words(DRAWINGS["layers, one run each"]())
        baselines = words(figure_s1_layers(scores_of(curve()).query("layers == 'none'"), TITLES, []))
    assert "One seed a point" in single
    assert "not in this study: CDR (chemicals)" in single
    assert baselines.startswith("No transfer of layers")


def test_the_figure_knows_the_layers_of_the_model():
    from model.transfer import LAYERS as MODEL_LAYERS

    assert tuple(LAYERS) == MODEL_LAYERS
