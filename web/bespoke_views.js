// The tables that Bespoke's nodes show. Captions come from strangers: their text is only ever set as text
// (textContent, title, value), never parsed as HTML.

const MOST_ROWS = 300;
const HEX = /#?\b[0-9a-f]{6}\b/gi;

// Colours that can be read on the dark palettes and, where the frontend shows a light one, on that.
const STYLE = `
:root { --bespoke-yes: #7ddc8b; --bespoke-no: #ff8a80; --bespoke-unclear: #e8b339; --bespoke-chosen: #ff9c5b;
  --bespoke-line: #6cb2eb; --bespoke-loss: #8fa5ba; --bespoke-held-out: #e8934a; }
:root:not(.dark-theme) { --bespoke-yes: #0b5a2c; --bespoke-no: #8f1414; --bespoke-unclear: #5c3d00;
  --bespoke-chosen: #7a3000; --bespoke-line: #004f80; --bespoke-loss: #45525f; --bespoke-held-out: #7a3a00; }
.bespoke-holder { position: relative; width: 100%; height: 100%; }
.bespoke-view { position: absolute; inset: 0; display: flex; flex-direction: column; gap: 4px; overflow: hidden;
  font: 11px/1.4 system-ui, sans-serif; color: var(--input-text, #ddd); }
.bespoke-bar { display: flex; flex: none; gap: 8px; align-items: center; }
.bespoke-bar input { flex: 1; min-width: 60px; padding: 3px 6px; font: inherit; color: inherit;
  background: var(--comfy-input-bg, #222); border: 1px solid var(--border-color, #4e4e4e); border-radius: 4px; }
.bespoke-bar span { flex: none; color: var(--descrip-text, #999); }
.bespoke-rows { flex: 1; min-height: 0; overflow: auto; background: var(--comfy-input-bg, #222);
  border: 1px solid var(--border-color, #4e4e4e); border-radius: 4px; user-select: text; outline: none; }
.bespoke-rows:focus-visible { border-color: var(--p-primary-color, #6cb2eb); }
.bespoke-rows table { width: 100%; border-collapse: collapse; table-layout: fixed; }
.bespoke-rows th { position: sticky; top: 0; z-index: 1; padding: 0; text-align: left;
  background: var(--comfy-menu-bg, #353535); }
.bespoke-rows th button { width: 100%; padding: 4px 6px; text-align: left; font: inherit; font-weight: 600;
  color: inherit; background: none; border: 0; cursor: pointer; }
.bespoke-rows td { padding: 3px 6px; vertical-align: top; overflow-wrap: anywhere;
  border-top: 1px solid var(--border-color, #4e4e4e); }
.bespoke-findings { min-width: 560px; }
.bespoke-note { padding: 4px 6px; color: var(--descrip-text, #999); }
.bespoke-rows td .bespoke-note { padding: 0 6px; }
.bespoke-error { --bespoke-severity: var(--bespoke-no); }
.bespoke-warning { --bespoke-severity: var(--bespoke-unclear); }
.bespoke-info { --bespoke-severity: var(--bespoke-line); }
.bespoke-rows tr[class] td:first-child { color: var(--bespoke-severity);
  box-shadow: inset 3px 0 var(--bespoke-severity); }
.bespoke-swatch { display: inline-block; width: 0.9em; height: 0.9em; margin-right: 3px;
  vertical-align: -0.1em; border: 1px solid #888; box-sizing: border-box; }
.bespoke-rows table.bespoke-scores { width: max-content; min-width: 100%; table-layout: auto; }
.bespoke-scores th button { white-space: normal; width: min-content; min-width: 100%; vertical-align: top; }
.bespoke-scores th { vertical-align: top; }
.bespoke-rows .bespoke-scores td { white-space: nowrap; }
.bespoke-scores td[data-column=file] { font-weight: 600; }
.bespoke-scores .bespoke-number { text-align: right; font-variant-numeric: tabular-nums; }
.bespoke-yes { color: var(--bespoke-yes); }
.bespoke-no { color: var(--bespoke-no); font-weight: 600; }
.bespoke-unclear { color: var(--bespoke-unclear); }
.bespoke-unknown { color: var(--descrip-text, #999); }
.bespoke-chip { display: inline-block; margin-right: 10px; white-space: nowrap; }
.bespoke-file { font-weight: 600; }
.bespoke-words { white-space: pre-wrap; }
.bespoke-words del { color: var(--bespoke-no); background: rgb(255 82 82 / 15%); text-decoration: line-through; }
.bespoke-words ins { color: var(--bespoke-yes); background: rgb(76 175 80 / 20%); text-decoration: none; }
`;

/** Make an element with classes and text. */
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** Add the style of all views, and the given one of a view of its own, once. */
export function addStyle(id = "", text = "") {
  for (const [name, rules] of [["bespoke-style", STYLE], [id, text]]) {
    if (!name || document.getElementById(name)) continue;
    const style = make("style", "", rules);
    style.id = name;
    document.head.append(style);
  }
}

/** Put a text into an element, a swatch of its colour before each colour code. */
function addText(parent, text) {
  let end = 0;
  for (const found of text.matchAll(HEX)) {
    parent.append(text.slice(end, found.index));
    const swatch = make("span", "bespoke-swatch");
    swatch.style.backgroundColor = `#${found[0].replace("#", "")}`;
    parent.append(swatch, found[0]);
    end = found.index + found[0].length;
  }
  parent.append(text.slice(end));
}

/**
 * Let the mouse wheel scroll the rows instead of zooming the canvas; with Ctrl it still zooms.
 * The new renderer asks for a mark, and leaves the wheel to an element that was clicked before.
 */
export function keepWheel(rows) {
  rows.tabIndex = 0;
  rows.dataset.captureWheel = "true";
  rows.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && rows.scrollHeight > rows.clientHeight) event.stopPropagation();
  });
}

/**
 * A filter box over a list of rows.
 * `draw(rows)` returns the element that shows them; `textOf(row)` is what the filter looks in.
 */
class FilteredView {
  constructor({ placeholder, textOf, draw, total, note = "" }, rows) {
    addStyle();
    this.element = make("div", "bespoke-view");
    const bar = make("div", "bespoke-bar");
    this.filter = make("input");
    this.filter.type = "search";
    this.filter.placeholder = placeholder;
    this.filter.setAttribute("aria-label", placeholder);
    this.count = make("span");
    bar.append(this.filter, this.count);
    this.body = make("div", "bespoke-rows");
    this.element.append(bar, this.body);
    Object.assign(this, { rows, draw, total, note });
    this.texts = new Map(rows.map((row) => [row, textOf(row).toLowerCase()]));
    this.filter.addEventListener("input", () => this.show());
    keepWheel(this.body);
  }

  /** Draw the rows that hold every word of the filter. */
  show() {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = this.rows.filter((row) => words.every((word) => this.texts.get(row).includes(word)));
    const shown = chosen.slice(0, MOST_ROWS);
    this.body.replaceChildren(this.draw(shown));
    if (chosen.length > shown.length) {
      const more = `The first ${shown.length} of ${chosen.length} rows; filter to see others.`;
      this.body.append(make("div", "bespoke-note", more));
    }
    if (this.total > this.rows.length) {
      const left = `${this.total - this.rows.length} more are not in this table. ${this.note}`;
      this.body.append(make("div", "bespoke-note", left));
    }
    this.count.textContent = `${chosen.length} of ${this.total}`;
  }
}

/**
 * Rows as a table: a click on a header sorts, the box filters.
 * `columns` are [key, head, width]; `compare(key, a, b)` orders rows, `fill(cell, key, row)` writes a cell,
 * `mark(row)` names the line's class.
 */
function tableView({ columns, compare, fill, mark = () => "", className = "", empty, ...about }, given) {
  let order = { column: null, sign: 1 };
  const view = new FilteredView({ ...about, draw }, given.slice());

  function sortBy(column) {
    order = { column, sign: order.column === column ? -order.sign : 1 };
    view.rows.sort((a, b) => compare(column, a, b, order.sign));
    view.show();
    view.body.querySelector(`th[data-column=${column}] button`)?.focus({ preventScroll: true });
  }

  function header([key, head, width]) {
    const cell = make("th");
    if (width) cell.style.width = width;
    cell.dataset.column = key;
    cell.scope = "col";
    const sorted = order.column === key;
    if (sorted) cell.setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
    const button = make("button", "", sorted ? `${head} ${order.sign > 0 ? "\u25b2" : "\u25bc"}` : head);
    button.type = "button";
    button.title = `Sort by ${head}`;
    button.addEventListener("click", () => sortBy(key));
    cell.append(button);
    return cell;
  }

  function draw(rows) {
    if (!given.length) return make("div", "bespoke-note", empty);
    const table = make("table", className);
    table.createTHead().insertRow().append(...columns.map(header));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      if (mark(row)) line.className = mark(row);
      for (const [key] of columns) fill(line.insertCell(), key, row);
    }
    return table;
  }

  view.show();
  return view.element;
}

const SEVERITIES = ["error", "warning", "info"];
const FINDING_COLUMNS = [
  ["severity", "severity", "66px"],
  ["file", "file", "118px"],
  ["finding", "finding", "122px"],
  ["text", "text", "20%"],
  ["advice", "advice", "auto"],
];

function compareWords(a, b) {
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

/** The findings of an audit. */
export function auditView([audit]) {
  const findings = audit.findings ?? [];
  return tableView(
    {
      placeholder: "Filter: words of a file, a finding, a text",
      columns: FINDING_COLUMNS,
      className: "bespoke-findings",
      empty: "Nothing to mend.",
      textOf: (row) => FINDING_COLUMNS.map(([key]) => row[key]).join(" "),
      compare: (key, a, b, sign) =>
        sign *
        (key === "severity"
          ? SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity)
          : compareWords(a[key], b[key])),
      fill: (cell, key, row) => addText(cell, String(row[key] ?? "")),
      mark: (row) => (SEVERITIES.includes(row.severity) ? `bespoke-${row.severity}` : ""),
      total: audit.total ?? findings.length,
      note: audit.table ? `All stand in ${audit.table}.` : "",
    },
    findings,
  );
}

/** A score at its own scale, as `amounts.score_text` writes it: 216.6, 4.12, 0.0312. */
export function scoreText(value) {
  const size = Math.abs(value);
  if (size < 1e-4) return value ? String(Number(value.toPrecision(3))) : "0.0";
  return value.toFixed(Math.max(1, 2 - Math.floor(Math.log10(size))));
}

const UNKNOWN = [null, undefined, "not measured", "not asked"];
const isKnown = (value) => !UNKNOWN.includes(value);

/** Order two values, what is not known last whichever way round. */
function compareValues(a, b, sign) {
  if (!isKnown(a) || !isKnown(b)) return Number(!isKnown(a)) - Number(!isKnown(b));
  return sign * (typeof a === "number" && typeof b === "number" ? a - b : compareWords(a, b));
}

function fillScore(cell, key, row) {
  const value = row[key];
  cell.dataset.column = key;
  if (!isKnown(value)) cell.append(make("span", "bespoke-unknown", value ?? "\u2013"));
  else if (["yes", "no", "unclear"].includes(value) && key !== "color_bleed") {
    cell.append(make("span", `bespoke-${value}`, value));
  } else if (typeof value === "number") {
    cell.className = "bespoke-number";
    cell.append(Number.isInteger(value) ? String(value) : scoreText(value));
  } else addText(cell, String(value));
}

/** The scores of pictures; columns in which nothing was measured are left out, the text names them. */
export function scoresView(scores) {
  const rows = scores.map((score, index) => ("file" in score ? score : { picture: index + 1, ...score }));
  const shown = Object.keys(rows[0] ?? {}).filter((key) => rows.some((row) => isKnown(row[key])));
  return tableView(
    {
      placeholder: "Filter: words of a file, a verdict, a colour",
      columns: shown.map((key) => [key, key.replaceAll("_", " ")]),
      className: "bespoke-scores",
      empty: "No picture.",
      textOf: (row) => shown.map((key) => row[key]).join(" "),
      compare: (key, a, b, sign) => compareValues(a[key], b[key], sign),
      fill: fillScore,
      total: rows.length,
    },
    rows,
  );
}

/** How many colours each picture has, and the commonest of them. */
export function colorsView(rows) {
  return tableView(
    {
      placeholder: "Filter: a colour code",
      columns: [
        ["picture", "picture", "60px"],
        ["unique_colors", "colours", "66px"],
        ["main_colors", "commonest", "auto"],
      ],
      empty: "No picture.",
      textOf: (row) => row.main_colors.map((one) => one.color).join(" "),
      compare: (key, a, b, sign) =>
        key === "main_colors"
          ? sign * compareWords(a.main_colors[0]?.color, b.main_colors[0]?.color)
          : sign * (a[key] - b[key]),
      fill: (cell, key, row) => {
        if (key !== "main_colors") cell.append(String(row[key]));
        else for (const one of row.main_colors) cell.append(colorChip(one));
      },
      total: rows.length,
    },
    rows,
  );
}

/** A colour's swatch, its code and its share of the picture. */
function colorChip({ color, share }) {
  const chip = make("span", "bespoke-chip");
  addText(chip, `${color} ${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);
  return chip;
}

const MARKS = { "-": "del", "+": "ins", " ": "span" };

/** What a cleaning changes, caption by caption and word by word, with the reason of each repair. */
export function cleanView([report]) {
  const changes = report.diff ?? [];
  const about = new Map();
  for (const [list, describe] of [
    [report.repairs, (repair) => `${repair.feature}: ${repair.name} \u2014 ${repair.reason}`],
    [report.unrepaired, (left) => `${left.feature} keeps no colour \u2014 ${left.reason}`],
  ]) {
    for (const entry of list ?? []) {
      about.set(entry.file, [...(about.get(entry.file) ?? []), describe(entry)]);
    }
  }

  function drawChange(change) {
    const cell = make("td");
    cell.append(make("div", "bespoke-file", change.file));
    const words = cell.appendChild(make("div", "bespoke-words"));
    const runs = change.words ?? [["-", change.before], ["+", change.after]];
    for (const [mark, text] of runs) words.append(make(MARKS[mark] ?? "span", "", text));
    for (const line of about.get(change.file) ?? []) cell.append(make("div", "bespoke-note", line));
    return cell;
  }

  const view = new FilteredView(
    {
      placeholder: "Filter: words of a file or a caption",
      textOf: (row) => [row.file, row.before, row.after, ...(about.get(row.file) ?? [])].join(" "),
      draw: (rows) => {
        if (!changes.length) return make("div", "bespoke-note", "No caption changes.");
        const table = make("table");
        const body = table.createTBody();
        for (const row of rows) body.insertRow().append(drawChange(row));
        return table;
      },
      total: report.changed ?? changes.length,
    },
    changes.slice(),
  );
  view.show();
  return view.element;
}
