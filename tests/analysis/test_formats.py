"""Tables as files: what a program reads and what a reader sees."""

import json

import pandas as pd
import pytest

from analysis.formats import vectors_note, write_table

TABLE = pd.DataFrame(
    {
        "data_set": ["DISO/cdr", "DISO/x"],
        "corpus": ["CDR", "a|b_50 %"],
        "tokens": [1234567, 5],
        "f1_transfer": [80.125, 70.0],
        "f1_transfer_sd": [0.5, float("nan")],
        "share": [28.25, float("inf")],
        "share_low": [20.0, 30.0],
        "share_high": [float("inf"), float("inf")],
        "p_seeds": [0.00001, float("nan")],
    }
)


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"t.{form}" for form in ("csv", "md", "tex")]
    write_table(TABLE, paths, ["Trained on 60 % of it.", "Second ± note."])
    return paths


def test_the_csv_is_whole_and_exact(files):
    read = pd.read_csv(files[0])
    pd.testing.assert_frame_equal(read, TABLE)


def test_markdown_merges_spreads_and_rounds(files):
    lines = files[1].read_text().split("\n")
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[:4]]
    assert cells[0] == ["corpus", "tokens", "f1 transfer", "share", "p seeds"]
    assert cells[2] == ["CDR", "1,234,567", "80.12 ± 0.50", "28.25 [20.00, not reached]", "< 0.0001"]
    assert cells[3] == ["a\\|b_50 %", "5", "70.00", "not reached [30.00, not reached]", "–"]
    assert lines[4:] == ["", "Trained on 60 % of it.", "", "Second ± note.", ""]


def test_latex_has_rules_and_no_raw_signs(files):
    text = files[2].read_text()
    for rule in ("\\toprule", "\\midrule", "\\bottomrule", "\\begin{tabular}{lrrrr}"):
        assert rule in text
    assert "a|b\\_50 \\%" in text
    assert "80.12 {$\\pm$} 0.50" in text
    assert "\\ensuremath{<} 0.0001" in text
    assert "60 \\% of it" in text
    assert "\\shortstack[r]{f1\\\\transfer} & " in text
    assert text.isascii()


def test_small_numbers_below_zero(tmp_path):
    paths = [tmp_path / f"t.{form}" for form in ("csv", "md", "tex")]
    write_table(pd.DataFrame({"gain": [-0.001, -1.5, -104321.7]}), paths)
    assert [line.strip("| ") for line in paths[1].read_text().split("\n")[2:5]] == ["0.00", "-1.50", "-104,321.70"]
    assert "{$-$}104,321.70" in paths[2].read_text()


def test_latex_has_a_command_for_letters_of_names(tmp_path):
    paths = [tmp_path / f"t.{form}" for form in ("csv", "md", "tex")]
    write_table(
        pd.DataFrame(
            {"string": ["β-catenin", "naïve Ω & Ca", "5 µM ≥ 3", "H₂ 5′ 𝛼 ％ 中", "(R)-2-butanol e\u0301 ą đ"]}
        ),
        paths,
        ["TNF_α < 1"],
    )
    text = paths[2].read_text()
    for form in ("{$\\beta$}-catenin", 'na{\\"\\i}ve {$\\Omega$} \\& Ca', "5 {$\\mu$}M {$\\geq$} 3"):
        assert form in text
    assert "H{2} 5{'} {$\\alpha$} {\\%} {U+4E2D}" in text
    assert "(R)-2-butanol {\\'e} {a} {U+0111}" in text  # a letter and its accent in two; ą and đ need other fonts
    assert text.isascii()
    assert "TNF\\_{$\\alpha$} \\ensuremath{<} 1" in text


def test_a_table_without_rows_is_written(tmp_path):
    paths = [tmp_path / f"t.{form}" for form in ("csv", "md", "tex")]
    write_table(TABLE[:0], paths)
    assert pd.read_csv(paths[0]).empty
    assert paths[1].read_text().startswith("| corpus")
    assert paths[2].read_text().startswith("{\\footnotesize\\setlength{\\tabcolsep}{3pt}\n\\begin{tabular}{l")


def test_word_vectors_are_named(tmp_path):
    path = tmp_path / "vectors.json"
    for origin, how in (("trained", "trained on the corpora of this study"), ("given", "wiki.bin, as given")):
        path.write_text(json.dumps({"origin": origin, "file": "wiki.bin", "words_in_file": 1200, "dimension": 50}))
        assert vectors_note(str(path)) == f"Word vectors: {how} (1,200 words, 50 dimensions)."
    path.write_text(json.dumps({"origin": "found"}))
    with pytest.raises(ValueError, match=r"vectors\.json: not a description"):
        vectors_note(str(path))
