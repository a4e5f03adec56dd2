// The tables that Bespoke's nodes show. Captions come from strangers: their text is only ever set as text
// (textContent, title, value), never parsed as HTML.

const MOST_ROWS = 300;
const HEX = /#?\b[0-9a-f]{6}\b/gi;

const STYLE = `
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
.bespoke-error { --bespoke-severity: #ff6b6b; }
.bespoke-warning { --bespoke-severity: #e8b339; }
.bespoke-info { --bespoke-severity: #6cb2eb; }
.bespoke-rows tr[class] td:first-child { color: var(--bespoke-severity);
  box-shadow: inset 3px 0 var(--bespoke-severity); }
.bespoke-swatch { display: inline-block; width: 0.9em; height: 0.9em; margin-right: 3px;
  vertical-align: -0.1em; border: 1px solid #888; box-sizing: border-box; }
.bespoke-file { font-weight: 600; }
.bespoke-words { white-space: pre-wrap; }
.bespoke-words del { color: #ff8a80; background: rgb(255 82 82 / 15%); text-decoration: line-through; }
.bespoke-words ins { color: #8fdf9a; background: rgb(76 175 80 / 20%); text-decoration: none; }
`;

/** Make an element with classes and text. */
function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function addStyle() {
  if (document.getElementById("bespoke-style")) return;
  const style = make("style", "", STYLE);
  style.id = "bespoke-style";
  document.head.append(style);
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
function keepWheel(rows) {
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

const SEVERITIES = ["error", "warning", "info"];
const COLUMNS = [
  ["severity", "66px"],
  ["file", "118px"],
  ["finding", "122px"],
  ["text", "20%"],
  ["advice", "auto"],
];

function compare(column, a, b) {
  if (column === "severity") return SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity);
  return String(a[column]).localeCompare(String(b[column]), undefined, { numeric: true });
}

/** The findings of an audit as a table: a click on a header sorts, the box filters. */
export function auditView(audit) {
  const findings = audit.findings ?? [];
  let order = { column: null, sign: 1 };
  const view = new FilteredView(
    {
      placeholder: "Filter: words of a file, a finding, a text",
      textOf: (row) => COLUMNS.map(([name]) => row[name]).join(" "),
      draw: drawTable,
      total: audit.total ?? findings.length,
      note: audit.table ? `All stand in ${audit.table}.` : "",
    },
    findings.slice(),
  );

  function sortBy(column) {
    order = { column, sign: order.column === column ? -order.sign : 1 };
    view.rows.sort((a, b) => order.sign * compare(column, a, b));
    view.show();
    view.body.querySelector(`th[data-column=${column}] button`)?.focus({ preventScroll: true });
  }

  function header([name, width]) {
    const cell = make("th");
    cell.style.width = width;
    cell.dataset.column = name;
    cell.scope = "col";
    const sorted = order.column === name;
    if (sorted) cell.setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
    const button = make("button", "", sorted ? `${name} ${order.sign > 0 ? "\u25b2" : "\u25bc"}` : name);
    button.type = "button";
    button.title = `Sort by ${name}`;
    button.addEventListener("click", () => sortBy(name));
    cell.append(button);
    return cell;
  }

  function drawTable(rows) {
    if (!findings.length) return make("div", "bespoke-note", "Nothing to mend.");
    const table = make("table", "bespoke-findings");
    table.createTHead().insertRow().append(...COLUMNS.map(header));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      if (SEVERITIES.includes(row.severity)) line.className = `bespoke-${row.severity}`;
      for (const [name] of COLUMNS) addText(line.insertCell(), String(row[name] ?? ""));
    }
    return table;
  }

  view.show();
  return view.element;
}

const MARKS = { "-": "del", "+": "ins", " ": "span" };

/** What a cleaning changes, caption by caption and word by word, with the reason of each repair. */
export function cleanView(report) {
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
