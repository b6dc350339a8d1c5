"""Mentions from tagged files: the same chunks as the model counts, and clear refusals."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.mentions import Mention, document_counts, pairs_by_seed, read_tagged
from model.scores import chunks, score

TAGS = ["O", "B-DISO", "I-DISO", "E-DISO", "S-DISO", "B-X", "I-X", "E-X"]
SENTENCES = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=8), max_size=6
)


def write(path, sentences, documents=2):
    """Tagged sentences as a file; a token is two characters wide and sentences alternate between documents."""
    offsets = [0] * documents
    lines = []
    for number, sentence in enumerate(sentences):
        document = number % documents
        for tags in sentence:
            start = offsets[document]
            lines.append("\t".join(["ab", f"d{document}", str(start), str(start + 2), *tags]) + "\n")
            offsets[document] += 3
        lines.append("\n")
    path.write_text("".join(lines))
    return path


@given(sentences=SENTENCES)
def test_mentions_are_the_chunks_that_the_model_counts(tmp_path_factory, sentences):
    run = read_tagged(write(tmp_path_factory.mktemp("run") / "predictions.tsv", sentences), 2)
    gold, predicted = ([[tags[column] for tags in sentence] for sentence in sentences] for column in (0, 1))
    assert len(run.gold) == sum(len(chunks(tags)) for tags in gold)
    # A mention has no type here (a file is of one class), so compare where the types agree.
    one_class = [[tag.replace("-X", "-DISO") if tag != "O" else tag for tag in tags] for tags in gold + predicted]
    if one_class == gold + predicted:
        assert len(run.gold & run.predicted) == score(gold, predicted).correct


def test_a_mention_has_the_borders_of_its_tokens(tmp_path):
    path = write(tmp_path / "p.tsv", [[("B-DISO", "O"), ("I-DISO", "S-DISO"), ("E-DISO", "I-DISO")], [("O", "O")]])
    run = read_tagged(path, 2)
    assert run.documents == ("d0", "d1")
    assert run.gold == {Mention("d0", 0, 8)}
    assert run.predicted == {Mention("d0", 3, 5), Mention("d0", 6, 8)}


@pytest.mark.parametrize("line", ["a\td\t0\t1\tO\n", "a\td\tx\t1\tO\tO\n", "a\td\t0\t1\tO\tK\n", "a\td\t0\t1\tO\t\n"])
def test_a_line_of_another_form_is_named(tmp_path, line):
    path = tmp_path / "p.tsv"
    path.write_text("a\td\t0\t1\tO\tO\n" + line)
    with pytest.raises(ValueError, match=r"p\.tsv:2: expected token"):
        read_tagged(path, 2)


def test_counts_of_documents_add_up_to_the_scores(tmp_path):
    rng = random.Random(1)
    gold = [[rng.choice(TAGS[:5]) for _ in range(6)] for _ in range(20)]
    runs, scores = [], []
    for number in range(2):
        predicted = [[rng.choice([tag, *TAGS[:5]]) for tag in tags] for tags in gold]
        sentences = [list(zip(g, p, strict=True)) for g, p in zip(gold, predicted, strict=True)]
        runs.append(read_tagged(write(tmp_path / f"{number}.tsv", sentences, documents=4), 2))
        scores.append(score(gold, predicted))
    counts = document_counts(runs)
    assert counts.shape == (2, 4, 2)
    assert counts.sum(axis=1).tolist() == [[s.correct, s.gold + s.predicted] for s in scores]


def test_runs_on_other_test_sets_are_refused(tmp_path):
    one = read_tagged(write(tmp_path / "1.tsv", [[("S-DISO", "O")]]), 2)
    other = read_tagged(write(tmp_path / "2.tsv", [[("O", "O")]]), 2)
    with pytest.raises(ValueError, match="different test sets"):
        document_counts([one, other])
    assert np.array_equal(document_counts([one, one])[0], document_counts([one])[0])


def test_pairs_need_both_regimes(tmp_path):
    files = [
        tmp_path / f"DISO/x/{r}/share60/seed{s}/predictions.tsv"
        for r, s in [("baseline", 2), ("transfer", 2), ("baseline", 1)]
    ]
    assert pairs_by_seed(files) == {2: (files[0], files[1])}
    assert pairs_by_seed([]) == {}
