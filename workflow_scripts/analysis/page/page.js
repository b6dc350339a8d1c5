"use strict";
// Everything shown comes from blocks of this file. Text becomes text nodes only, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; strings among the children become text. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function draw(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** The JSON of an embedded block: base64 of gzip. */
async function unpack(id) {
  const packed = atob(document.getElementById(id).textContent.trim());
  const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function options(select, choices) {
  select.replaceChildren(...choices.map(([value, label]) => make("option", { value }, label)));
}

const number = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const counted = (count, name) => `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;

// ---------------------------------------------------------------------------------------------------- training curves

const regimeName = (regime) =>
  regime.startsWith("transfer_to_") ? `transfer up to ${regime.slice(12).replaceAll("_", " ")}` : regime;
const setName = (run, classes) => `${run.title} · ${classes[run.entity]}`;
const runName = (run) => `${regimeName(run.regime)}, ${run.share ? `${run.share} %, ` : ""}seed ${run.seed}`;

async function showRuns() {
  const { runs, classes } = await unpack("runs-data");
  const form = document.getElementById("run-filters");
  const distinct = (values) => [...new Set(values)];
  const shares = distinct(runs.filter((r) => r.share).map((r) => r.share)).sort((a, b) => b - a);
  options(form.elements.set, [["", "all"], ...distinct(runs.map((r) => setName(r, classes))).map((n) => [n, n])]);
  options(form.elements.share, [...shares.map((s) => [s, `${s} %`]), ["", "all"]]);
  options(form.elements.regime, [["", "all"], ...distinct(runs.map((r) => r.regime)).map((r) => [r, regimeName(r)])]);

  function update() {
    const { set, share, regime } = form.elements;
    const shown = runs.filter(
      (r) =>
        (!set.value || setName(r, classes) === set.value) &&
        (!share.value || !r.share || String(r.share) === share.value) &&
        (!regime.value || r.regime === regime.value),
    );
    const panels = new Map();
    for (const run of shown) {
      const key = `${setName(run, classes)}\n${run.share}`;
      panels.set(key, [...(panels.get(key) ?? []), run]);
    }
    document.getElementById("curves").replaceChildren(...[...panels.values()].map((own) => panel(own, classes)));
    document.getElementById("run-status").textContent =
      `${counted(shown.length, "run")} of ${runs.length}, ${counted(panels.size, "panel")}`;
    const kinds = distinct(shown.map((r) => (r.regime.startsWith("transfer_to_") ? "transfer_to_" : r.regime)));
    document.getElementById("curve-legend").replaceChildren(
      ...kinds.map((kind) => {
        const line = draw("path", { d: "M1 6H27", class: `curve ${kind}` });
        const label = kind === "transfer_to_" ? "transfer up to a layer" : kind === "source" ? "source, on silver" : kind;
        return make("span", {}, draw("svg", { width: 28, height: 12 }, line), ` ${label}`);
      }),
    );
    runTable(shown, classes);
  }
  form.addEventListener("change", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = document.getElementById("run-details").hidden = false;
  update();
}

/** One panel: dev F1 from 0 to 100 above, loss below, a line a run. */
function panel(runs, classes) {
  const width = 260, top = { y: 6, height: 96 }, low = { y: 114, height: 34 }, left = 24, right = 252;
  const epochs = Math.max(...runs.map((r) => r.f1.length));
  const most = Math.max(...runs.flatMap((r) => r.loss).filter((v) => v !== null), 0) || 1;
  const x = (epoch) => left + ((right - left) * (epoch - 1)) / Math.max(epochs - 1, 1);
  const svg = draw("svg", { viewBox: `0 0 ${width} 166`, role: "img" });
  svg.append(draw("title", {}, `${setName(runs[0], classes)}: ${runs.map(runName).join("; ")}`));
  for (const value of [0, 50, 100]) {
    const y = top.y + top.height * (1 - value / 100);
    svg.append(draw("line", { x1: left, x2: right, y1: y, y2: y, class: "grid" }));
    svg.append(draw("text", { x: left - 4, y: y + 3 }, String(value)));
  }
  const floor = low.y + low.height;
  svg.append(draw("line", { x1: left, x2: right, y1: floor, y2: floor, class: "grid" }));
  svg.append(draw("text", { x: left - 4, y: low.y + 5 }, most >= 100 ? most.toFixed(0) : most.toFixed(1)));
  svg.append(draw("text", { x: left - 4, y: floor + 3 }, "0"));
  svg.append(draw("text", { x: left, y: 163, class: "end" }, "epoch 1"), draw("text", { x: right, y: 163 }, epochs));
  for (const run of runs) {
    const kind = run.regime;
    const f1 = (value) => top.y + top.height * (1 - value / 100);
    const loss = (value) => low.y + low.height * (1 - value / most);
    const path = (values, y) =>
      values.map((v, i) => (v === null ? "" : `${i ? "L" : "M"}${x(i + 1).toFixed(1)} ${y(v).toFixed(1)}`)).join("").replace(/^L/, "M");
    const about = draw("title", {}, `${runName(run)}: best dev F1 ${number(run.dev_f1)} in epoch ${run.best} of ${run.epochs}`);
    const group = draw("g", {}, about);
    for (const d of [path(run.f1, f1), path(run.loss, loss)]) {
      if (d) group.append(draw("path", { d, class: `curve ${kind}` }), draw("path", { d, class: "hover" }));
    }
    const kept = run.f1[run.best - 1];
    if (kept !== undefined && kept !== null) {
      group.append(draw("circle", { cx: x(run.best), cy: f1(kept), r: 3, class: `kept ${kind}` }));
    }
    svg.append(group);
  }
  const share = runs[0].share ? `${runs[0].share} % for training, ` : "";
  return make("div", { class: "panel" }, make("h3", {}, setName(runs[0], classes)), make("p", {}, share + counted(runs.length, "run")), svg);
}

function runTable(runs, classes) {
  const columns = [
    ["data set", (r) => setName(r, classes)], ["regime", (r) => regimeName(r.regime)],
    ["share", (r) => r.share || "–", 1], ["seed", (r) => r.seed, 1],
    ["test precision", (r) => number(r.precision), 1], ["recall", (r) => number(r.recall), 1], ["F1", (r) => number(r.test_f1), 1],
    ["dev F1", (r) => number(r.dev_f1), 1], ["best epoch", (r) => `${r.best} of ${r.epochs}`, 1],
    ["seconds", (r) => r.seconds.toLocaleString("en"), 1], ["device", (r) => r.device], ["finished", (r) => r.finished, 1],
  ];
  const style = (numeric) => (numeric ? { class: "n" } : {});
  document.getElementById("run-table").replaceChildren(
    make("thead", {}, make("tr", {}, ...columns.map(([name, , n]) => make("th", { scope: "col", ...style(n) }, name)))),
    make("tbody", {}, ...runs.map((r) =>
      make("tr", {}, ...columns.map(([, value, n], i) => make(...(i ? ["td", style(n)] : ["th", { scope: "row" }]), String(value(r))))))),
  );
}

// ---------------------------------------------------------------------------------------------------------- documents

const KINDS = ["right", "missed", "spurious", "wrong boundary", "missed and spurious"]; // the numbers of places.Kind
const LAYERS = [["gold", "g"], ["baseline", "b"], ["transfer", "t"]];
const PAGE = 2500; // characters

/** A place as [kind of baseline, kind of transfer, layers], each layer a list of [start, end]. */
function readPlace(place) {
  if (place.length === 2) return { kinds: [0, 0], layers: [[place], [place], [place]] };
  const pairs = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
  return { kinds: [place[0] >> 3, place[0] & 7], layers: place.slice(1).map(pairs) };
}

/** Whether a place is of the kind that the filters ask for. */
function wanted(place, kind, tagger) {
  const [baseline, transfer] = place.length === 2 ? [0, 0] : [place[0] >> 3, place[0] & 7];
  const own = tagger === "baseline" ? [baseline] : tagger === "transfer" ? [transfer] : [baseline, transfer];
  switch (kind) {
    case "all": return true;
    case "error": return own.some((k) => k > 0);
    case "missed": return own.includes(1) || own.includes(4);
    case "spurious": return own.includes(2) || own.includes(4);
    case "boundary": return own.includes(3);
    case "fixed": return baseline > 0 && transfer === 0;
    case "broken": return baseline === 0 && transfer > 0;
  }
}

async function showDocuments() {
  const browser = document.getElementById("browser");
  if (!browser) return;
  const form = document.getElementById("document-filters"), texts = document.getElementById("texts");
  const status = document.getElementById("document-status");
  const buttons = [...browser.querySelectorAll("button[data-step]")];
  const kept = new Map(); // data sets unpacked so far
  let data, pages = [], at = 0, found = 0;

  async function choose() {
    const id = form.elements.set.value;
    status.textContent = "Unpacking…";
    if (!kept.has(id)) kept.set(id, await unpack(`documents-${id}`));
    if (form.elements.set.value !== id) return choose(); // another was chosen meanwhile, by the user or by "Back"
    data = kept.get(id);
    const both = data.layers.length === 2;
    const before = { kind: form.elements.kind.value, tagger: form.elements.tagger.value };
    options(form.elements.kind, [
      ["all", "all texts with mentions"], ["error", "any error"], ["missed", "missed"], ["spurious", "spurious"], ["boundary", "boundary"],
      ...(both ? [["fixed", "fixed by transfer"], ["broken", "broken by transfer"]] : []),
    ]);
    options(form.elements.tagger, [...(both ? [["either", "either"]] : []), ...data.layers.map((name) => [name, name])]);
    for (const [name, value] of Object.entries(before)) {
      if ([...form.elements[name].options].some((option) => option.value === value)) form.elements[name].value = value;
    }
    document.getElementById("layers").replaceChildren(
      ...LAYERS.filter(([name]) => name === "gold" || data.layers.includes(name)).map(([name, letter], i) =>
        make("span", {}, make("span", { class: `m ${letter}` }, name), ` ${["solid", "dashed", "dotted"][["g", "b", "t"].indexOf(letter)]}`)),
      ...(both ? [make("span", {}, "▲ fixed by transfer"), make("span", {}, "▼ broken"), make("span", {}, "● wrong with both")] : []),
    );
    filter();
  }

  function filter() {
    const kind = form.elements.kind.value, tagger = form.elements.tagger.value;
    form.elements.tagger.disabled = ["all", "fixed", "broken"].includes(kind);
    const text = form.elements.text.value.trim().toLowerCase();
    const matches = data.units.filter(
      ([, , paragraphs]) =>
        paragraphs.some(([, , places]) => places.some((place) => wanted(place, kind, tagger))) &&
        (!text || paragraphs.some(([, content]) => content.toLowerCase().includes(text))),
    );
    pages = [];
    let length = Infinity;
    for (const [i, unit] of matches.entries()) {
      const own = unit[2].reduce((sum, paragraph) => sum + paragraph[1].length, 0);
      if (length + own > PAGE) {
        pages.push({ first: i, units: [] });
        length = 0;
      }
      pages.at(-1).units.push(unit);
      length += own;
    }
    found = matches.length;
    show(0);
  }

  function show(page) {
    at = Math.min(Math.max(page, 0), Math.max(pages.length - 1, 0));
    const current = pages[at];
    const ends = [at === 0, at >= pages.length - 1];
    // A button that is about to be disabled would take the focus, and with it the arrow keys, along.
    if (buttons.some((button, i) => ends[i] && button === document.activeElement)) texts.focus({ preventScroll: true });
    buttons.forEach((button, i) => (button.disabled = ends[i]));
    if (!current) {
      status.textContent = "No text of this kind";
      texts.replaceChildren();
      return;
    }
    const last = current.first + current.units.length;
    const span = current.units.length === 1 ? `${last}` : `${current.first + 1}–${last}`;
    status.textContent = `Text ${span} of ${found.toLocaleString("en")}`;
    const match = (place) => form.elements.kind.value !== "all" && wanted(place, form.elements.kind.value, form.elements.tagger.value);
    texts.replaceChildren(...current.units.map((unit) => unitElement(data, unit, match)));
  }

  function step(by) {
    show(at + by);
    if (texts.getBoundingClientRect().top < 0) browser.scrollIntoView();
  }

  form.elements.set.addEventListener("change", choose);
  for (const name of ["kind", "tagger"]) form.elements[name].addEventListener("change", filter);
  form.elements.text.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of buttons) button.addEventListener("click", () => step(Number(button.dataset.step)));
  browser.addEventListener("keydown", (event) => {
    if (event.target.closest("form") || event.altKey || event.ctrlKey || event.metaKey) return;
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) {
      event.preventDefault();
      step(by);
    }
  });
  browser.hidden = false;
  await choose();
}

/** One document, or a paragraph of a long one, with a row below for each place where a tagger is wrong. */
function unitElement(data, [document_, count, paragraphs], match) {
  const article = make("article", { class: "unit" }, make("h3", {}, make("bdi", {}, data.documents[document_])));
  const rows = [];
  let next = paragraphs[0][0];
  for (const [index, text, packed] of paragraphs) {
    if (index > next) article.append(make("p", { class: "gap" }, `… ${counted(index - next, "paragraph")} without mentions`));
    next = index + 1;
    const places = packed.map((place) => ({ ...readPlace(place), hit: match(place) }));
    article.append(paragraphElement(data, text, places, rows));
  }
  if (paragraphs.length < count) {
    const which = paragraphs.length === 1 ? `paragraph ${paragraphs[0][0] + 1}` : counted(paragraphs.length, "paragraph");
    article.firstChild.append(` · ${which} of ${count}`);
  }
  if (rows.length) article.append(changes(data, rows));
  return article;
}

function paragraphElement(data, text, places, rows) {
  const paragraph = make("p", { dir: "auto" });
  let at = 0;
  for (const { kinds, layers, hit } of places) {
    const shown = layers.map((spans, i) => (i === 0 || data.layers.includes(LAYERS[i][0]) ? spans : []));
    const borders = [...new Set(shown.flat(2))].sort((a, b) => a - b);
    paragraph.append(text.slice(at, borders[0]));
    borders.slice(0, -1).forEach((start, i) => {
      const end = borders[i + 1];
      const own = shown.map((spans) => spans.find((span) => span[0] < end && start < span[1]));
      if (!own.some(Boolean)) return void paragraph.append(text.slice(start, end));
      const letters = LAYERS.filter((_, layer) => own[layer]).map(([, letter]) => letter);
      const begins = own.every((span) => !span || span[0] === start);
      paragraph.append(make("span", { class: ["m", ...letters, ...(begins ? ["s"] : []), ...(hit ? ["hit"] : [])].join(" ") }, text.slice(start, end)));
    });
    at = borders.at(-1);
    if (kinds.some((kind) => kind > 0)) {
      const [sign, word] = verdict(data, kinds);
      rows.push({ sign, word, kinds, strings: shown.map((spans) => spans.map(([s, e]) => text.slice(s, e))) });
      paragraph.append(make("span", { class: "ref", title: word }, `${sign}${rows.length}`, make("span", { class: "sr" }, ` ${word} `)));
    }
  }
  paragraph.append(text.slice(at));
  return paragraph;
}

/** A sign and words for what transfer changed at a place. */
function verdict(data, [baseline, transfer]) {
  if (data.layers.length === 1) return ["●", KINDS[data.layers[0] === "baseline" ? baseline : transfer]];
  if (transfer === 0) return ["▲", `fixed (baseline: ${KINDS[baseline]})`];
  if (baseline === 0) return ["▼", `broken (${KINDS[transfer]})`];
  if (baseline === transfer) return ["●", `${KINDS[baseline]} with both`];
  return ["●", `${KINDS[baseline]}, then ${KINDS[transfer]}`];
}

function changes(data, rows) {
  const names = LAYERS.map(([name]) => name).filter((name) => name === "gold" || data.layers.includes(name));
  const layer = (name) => LAYERS.findIndex(([other]) => other === name);
  const strings = (own) =>
    own.length ? own.flatMap((text, i) => [...(i ? [" | "] : []), make("bdi", {}, text)]) : [make("span", { class: "no" }, "–")];
  const head = make("tr", {}, ...["place", ...names].map((name) => make("th", { scope: "col" }, name)));
  const body = rows.map((row, i) =>
    make("tr", {}, make("td", {}, `${row.sign}${i + 1} ${row.word}`),
      ...names.map((name) => make("td", { "data-name": name }, ...strings(row.strings[layer(name)])))));
  return make("table", { class: "changes" }, make("thead", {}, head), make("tbody", {}, ...body));
}

function told(section, error) {
  document.getElementById(section).append(make("p", { class: "note", role: "alert" },
    `This part cannot be shown: ${error.message}. It needs Chromium 80, Firefox 113, Safari 16.4 or a later one.`));
  console.error(error);
}

showRuns().catch((error) => told("runs", error));
showDocuments().catch((error) => told("documents", error));

// Paper unfolds nothing: all that is folded is opened for printing, and what was closed is closed after.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open])")];
  for (const details of unfolded) details.open = true;
});
addEventListener("afterprint", () => unfolded.forEach((details) => (details.open = false)));
