"""The report in headless Chromium, from the disk: quiet, complete, usable by keyboard and on a phone, and inert.

Needs Debian's chromium and chromium-driver, as `.ci/run` installs them; without them these tests skip.
"""

import json
import os
import shutil
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from analysis.page.build import write_page
from analysis.page.documents import DataSet
from benchmarks.report_page import invent_study

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Debian's packages chromium and chromium-driver"),
]
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--force-prefers-reduced-motion", "--window-size=1400,1100"),
]
ATTACK = '</script><img src=x onerror="window.hacked=1"><script>window.hacked=1</script><!-- & \'quote"'
RIGHT_TO_LEFT = "חולה עם 𝛼-סרטן 🧬 התאושש"
WORDS = ["ataxia", "tremor", "rash", "gout"]


def hostile_data_set(folder: Path) -> DataSet:
    """Four documents: one of hostile text, one from right to left, one where every kind of change occurs, one long."""
    texts = folder / "texts"
    texts.mkdir(parents=True)
    lines = {"baseline": [], "transfer": []}

    def document(name: str, text: str, *places: tuple[str, str, str, str]) -> None:
        (texts / f"{name}.txt").write_text(text, encoding="utf-8", newline="")
        at = 0
        for word, gold, baseline, transfer in places:
            at = text.index(word, at)
            for regime, tag in (("baseline", baseline), ("transfer", transfer)):
                lines[regime].append(f"{word}\t{name}\t{at}\t{at + len(word)}\t{gold}\t{tag}\n")
            at += len(word)
        for own in lines.values():
            own.append("\n")

    s, o = "S-DISO", "O"
    document("<i>hostile", f"{ATTACK} ataxia {ATTACK}", (ATTACK.split()[0], s, o, s), ("ataxia", s, s, s))
    document("rtl", RIGHT_TO_LEFT, ("𝛼-סרטן", s, s, o))
    document(
        "kinds",
        "ataxia, tremor of hands, rash and gout.",
        ("ataxia", s, o, s),
        ("tremor", "B-DISO", s, "B-DISO"),
        ("of", "I-DISO", o, "I-DISO"),
        ("hands", "E-DISO", o, "E-DISO"),
        ("rash", o, o, s),
        ("gout", s, o, o),
    )
    long = "\n".join(f"Paragraph {n} with {WORDS[n % 4]}. {'More words. ' * 90}" for n in range(12))
    document("long", long, *((WORDS[n % 4], s, s, s) for n in range(12)))
    for regime, own in lines.items():
        (folder / f"{regime}.tsv").write_text("".join(own), encoding="utf-8", newline="")
    return DataSet("DISO", "hostile", folder / "baseline.tsv", folder / "transfer.tsv", texts)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    study = invent_study(folder, scale=0.002)
    study["data_sets"].insert(0, hostile_data_set(folder / "hostile"))
    tables, figures = folder / "results/tables", folder / "results/figures"
    (tables / "kinds/CHED").mkdir(parents=True)
    figures.mkdir()
    wide = " | ".join(f"column {n} {'paper' * (n % 2)}" for n in range(20))
    cells = f"| {ATTACK} {'| 1.00 ' * 19}|"
    (tables / "table9_wide.md").write_text(f"| {wide} |\n|{'---:|' * 20}\n{cells}\n\nA note: {ATTACK}\n")
    (tables / "table9_wide.csv").write_text(ATTACK)
    (tables / "kinds/CHED/cdr.md").write_text("| kind | n |\n|:---|---:|\n| missed | 3 |\n")
    (folder / "table9_wide.rst").write_text(f"Caption & {ATTACK}".replace("'", ""))
    figure, axes = plt.subplots()
    axes.plot([1, 2], [1, 3])
    for form in ("svg", "pdf", "png"):
        figure.savefig(figures / f"figure9_line.{form}")
    plt.close(figure)
    study["tables"] = [tables / name for name in ("table9_wide.csv", "table9_wide.md", "kinds/CHED/cdr.md")]
    study["figures"] = [figures / f"figure9_line.{form}" for form in ("svg", "pdf", "png")]
    study["captions"] = [folder / "table9_wide.rst"]
    study["config"]["corpora"]["hostile"] = {"title": f"Hostile {ATTACK}", "entities": {}, "urls": []}
    study["command"] = ATTACK
    path = folder / "report 1.html"
    write_page(path, **study)
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    os.environ["SE_OFFLINE"] = "true"
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(DRIVER)) as driver:
        yield driver


@pytest.fixture
def opened(browser, page):
    """The page, loaded anew at desktop width."""
    resize(browser, 1280)
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(page.as_uri())
    WebDriverWait(browser, 60, 0.1).until(lambda d: d.find_elements(By.CSS_SELECTOR, "#texts .unit"))
    return browser


def resize(browser, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def one(browser, selector: str):
    return browser.find_element(By.CSS_SELECTOR, selector)


def choose(browser, form: str, **choices: str) -> None:
    for name, text in choices.items():
        Select(one(browser, f"#{form} [name={name}]")).select_by_visible_text(text)


def choose_set(browser, number: int) -> None:
    Select(one(browser, "#document-filters [name=set]")).select_by_index(number)
    WebDriverWait(browser, 20, 0.05).until(lambda d: one(d, "#document-status").text.startswith(("Text", "No text")))


def names(browser) -> list[str]:
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, "#texts .unit h3")]


def test_it_loads_without_complaint_and_asks_nothing_of_a_network(opened, page):
    for label in ("fixed by transfer", "any error"):
        choose(opened, "document-filters", kind=label)
    choose_set(opened, 3)
    choose(opened, "run-filters", share="all")
    assert opened.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in opened.get_log("performance")]
    requests = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert page.as_uri() in requests
    assert {url for url in requests if not url.startswith("data:")} == {page.as_uri()}


def test_hostile_text_is_only_text(opened):
    assert opened.execute_script("return window.hacked") is None
    assert not opened.find_elements(By.CSS_SELECTOR, "#texts img, table img, header img, .caption img, [onerror]")
    paragraph = one(opened, "#texts .unit p")
    shown = opened.execute_script(
        "const p = arguments[0].cloneNode(true); p.querySelectorAll('.ref').forEach((r) => r.remove()); return p.textContent",
        paragraph,
    )
    assert shown == f"{ATTACK} ataxia {ATTACK}"
    assert names(opened)[0] == "<i>hostile"
    assert one(opened, ".command").get_property("textContent") == ATTACK
    assert one(opened, "#table9_wide tbody th").text.startswith("</script><img")
    assert "Hostile </script>" in one(opened, "#document-filters option").text


def test_text_from_right_to_left_is_set_so_and_marked_where_it_should(opened):
    unit = opened.find_elements(By.CSS_SELECTOR, "#texts .unit")[1]
    paragraph = unit.find_element(By.TAG_NAME, "p")
    assert opened.execute_script("return getComputedStyle(arguments[0]).direction", paragraph) == "rtl"
    assert [span.text for span in unit.find_elements(By.CSS_SELECTOR, ".m")] == ["𝛼-סרטן"]


def test_layers_are_told_apart_without_colour(opened):
    drawn = opened.execute_script(
        """
        return [...document.querySelectorAll("#layers .m")].map((span) => {
          const style = getComputedStyle(span), own = (name) => style.getPropertyValue(name).includes("#");
          const lines = ["--g", "--b", "--t"].map(own);
          return [span.textContent, lines, style.backgroundSize.split(", "), style.backgroundPosition.split(", ")];
        })"""
    )
    assert [(name, lines) for name, lines, _, _ in drawn] == [
        ("gold", [True, False, False]),  # each layer draws its own line and no other's
        ("baseline", [False, True, False]),
        ("transfer", [False, False, True]),
    ]
    for _, _, sizes, positions in drawn:
        assert len(set(sizes)) == len(set(positions)) == 3  # of its own pattern, in its own place


@pytest.mark.parametrize(
    ("kind", "tagger", "strings"),
    [
        ("missed", "baseline", {"ataxia", "gout"}),
        ("missed", "transfer", {"gout"}),
        ("spurious", "transfer", {"rash"}),
        ("boundary", "baseline", {"tremor", " of hands"}),
        ("fixed by transfer", None, {"ataxia", "tremor", " of hands"}),
        ("broken by transfer", None, {"rash"}),
        ("any error", "either", {"ataxia", "tremor", " of hands", "rash", "gout"}),
    ],
)
def test_filters_show_what_they_say(opened, kind, tagger, strings):
    choose(opened, "document-filters", kind=kind)
    if tagger:
        choose(opened, "document-filters", tagger=tagger)
    unit = next(u for u in opened.find_elements(By.CSS_SELECTOR, "#texts .unit") if u.text.startswith("kinds"))
    found = {span.get_property("textContent") for span in unit.find_elements(By.CSS_SELECTOR, ".m.hit")}
    assert found and found <= strings
    assert {word for word in WORDS if word in "".join(found)} == {word for word in WORDS if word in "".join(strings)}
    assert "long" not in {name.split()[0] for name in names(opened)}


def test_what_changed_stands_in_a_table(opened):
    unit = next(u for u in opened.find_elements(By.CSS_SELECTOR, "#texts .unit") if u.text.startswith("kinds"))
    rows = [
        [cell.text for cell in row.find_elements(By.TAG_NAME, "td")]
        for row in unit.find_elements(By.CSS_SELECTOR, "tbody tr")
    ]
    assert rows == [
        ["▲1 fixed (baseline: missed)", "ataxia", "–", "ataxia"],
        ["▲2 fixed (baseline: wrong boundary)", "tremor of hands", "tremor", "tremor of hands"],
        ["▼3 broken (spurious)", "–", "–", "rash"],
        ["●4 missed with both", "gout", "–", "–"],
    ]


def test_pages_turn_by_buttons_and_by_keys(opened):
    first = names(opened)
    one(opened, "button[data-step='1']").click()
    second = names(opened)
    assert second and second != first
    one(opened, "#texts").send_keys(Keys.ARROW_LEFT)
    assert names(opened) == first
    assert not one(opened, "button[data-step='-1']").is_enabled()
    one(opened, "#texts").send_keys(Keys.ARROW_RIGHT)
    assert names(opened) == second
    seen = 0
    while one(opened, "button[data-step='1']").is_enabled() and seen < 20:
        one(opened, "#texts").send_keys(Keys.ARROW_RIGHT)
        seen += 1
    assert one(opened, "#document-status").text == "Text 14–15 of 15"  # three documents and twelve paragraphs


def test_back_shows_the_corpus_that_stands_in_the_form(opened, page):
    choose_set(opened, 3)
    opened.get("about:blank")
    opened.back()
    WebDriverWait(opened, 60, 0.1).until(lambda d: d.find_elements(By.CSS_SELECTOR, "#texts .unit"))
    chosen = Select(one(opened, "#document-filters [name=set]")).first_selected_option.get_attribute("value")
    number = opened.execute_script(
        "return [...document.querySelectorAll('#document-filters [name=set] option')].length"
    )
    assert number > 3
    shown = names(opened)[0]
    choose_set(opened, int(chosen))
    assert names(opened)[0] == shown


def test_the_keys_go_on_where_a_button_ends(opened):
    first = names(opened)
    following, before = (one(opened, f"button[data-step='{step}']") for step in (1, -1))
    while following.is_enabled():
        following.send_keys(Keys.ENTER)
    last = names(opened)
    opened.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    assert names(opened) not in (first, last)
    while before.is_enabled():
        before.send_keys(Keys.ENTER)
    assert names(opened) == first


def test_printing_opens_what_is_folded(opened):
    closed = "return document.querySelectorAll('details:not([open])').length"
    assert opened.execute_script(closed) > 0
    opened.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert opened.execute_script(closed) == 0
    opened.execute_script("dispatchEvent(new Event('afterprint'))")
    assert opened.execute_script(closed) > 0


def test_text_is_searched_and_an_empty_result_said(opened):
    search = one(opened, "#document-filters [name=text]")
    search.send_keys("  TREMOR OF HANDS ")
    assert names(opened) == ["kinds"]
    search.send_keys("nowhere")
    assert names(opened) == []
    assert one(opened, "#document-status").text == "No text of this kind"


def test_another_corpus_is_unpacked(opened):
    choose_set(opened, 15)
    assert names(opened)[0].startswith("bc2gm-")
    assert "of" in one(opened, "#document-status").text


def test_every_run_has_its_curve(opened):
    assert one(opened, "#run-status").text.startswith("210 runs of 594, 27 panels")
    choose(opened, "run-filters", share="all")
    assert one(opened, "#run-status").text.startswith("594 runs of 594")
    assert len(opened.find_elements(By.CSS_SELECTOR, "#curves g")) == 594
    choose(opened, "run-filters", set="CDR · Chemicals", regime="transfer up to token lstm")
    assert one(opened, "#run-status").text.startswith("15 runs of 594, 5 panels")
    one(opened, "#run-details summary").click()
    assert len(opened.find_elements(By.CSS_SELECTOR, "#run-table tbody tr")) == 15
    box = opened.execute_script(
        "const b = document.querySelector('#curves path').getBBox(); return [b.width, b.height]"
    )
    assert min(box) > 0


def test_pictures_render_and_files_can_be_taken_away(opened):
    image = one(opened, "#figure9_line img")
    assert opened.execute_script("return arguments[0].complete && arguments[0].naturalWidth", image) > 100
    links = {
        a.get_attribute("download"): a.get_attribute("href")[:24]
        for a in opened.find_elements(By.CSS_SELECTOR, "a[download]")
    }
    assert set(links) == {
        *("table9_wide.csv", "table9_wide.md", "kinds_CHED_cdr.md", "figure9_line.pdf", "figure9_line.svg")
    }
    assert links["figure9_line.pdf"] == "data:application/pdf;bas"
    size = opened.execute_script(
        "const b = document.querySelector('.chart .plot').getBoundingClientRect(); return [b.width, b.height]"
    )
    assert min(size) > 10


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_width_needs_scrolling_sideways(opened, width):
    resize(opened, width)
    for kind in ("all texts with mentions", "any error"):
        choose(opened, "document-filters", kind=kind)
        assert (
            opened.execute_script("return [document.documentElement.scrollWidth, document.body.scrollWidth]")
            == [min(width, opened.execute_script("return document.documentElement.clientWidth"))] * 2
        )


def test_controls_have_names_and_contrast_holds_in_both_schemes(opened):
    for control in opened.find_elements(By.CSS_SELECTOR, "select, input, button, [role=region]"):
        if not control.is_displayed():
            continue
        assert control.accessible_name.strip(), control.get_attribute("outerHTML")[:80]
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        colours = opened.execute_script(
            "const s = getComputedStyle(document.documentElement);"
            "return ['ink', 'muted', 'baseline', 'transfer', 'paper'].map((n) => s.getPropertyValue('--' + n).trim())"
        )
        *inks, paper = map(luminance, colours)
        for ink in inks:
            assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5, (scheme, colours)
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
