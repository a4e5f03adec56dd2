// Shows a sweep in its node while it goes on: how far it is, the time left, each finished picture with its score.
// Names and prompts come from strangers: they are only ever set as text.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { addBox, boxOf, fit } from "./bespoke.js";
import { addStyle } from "./bespoke_views.js";

const NODE = "Bespoke_Sweep";
const BOX = "bespoke_sweep";
const HEIGHT = 260;
const WIDE = 520;
const MOST_ROWS = 300;
// Settings that stand in the table where the sweep varies them.
const SETTINGS = {
  strength_model: "strength",
  strength_clip: "strength (text)",
  cfg: "cfg",
  steps: "steps",
  sampler_name: "sampler",
  scheduler: "scheduler",
  width: "width",
  height: "height",
  negative_prompt: "negative prompt",
};

const STYLE = `
.bespoke-sweep-holder { position: relative; width: 100%; height: 100%; min-height: ${HEIGHT}px; }
.bespoke-sweep { position: absolute; inset: 0; display: flex; flex-direction: column; gap: 6px; overflow: hidden;
  font: 11px/1.4 system-ui, sans-serif; color: var(--input-text, #ddd); }
.bespoke-sweep-line { flex: none; display: flex; gap: 8px; align-items: baseline; }
.bespoke-sweep-line b { flex: 1; font-size: 12px; }
.bespoke-sweep-line span { flex: none; color: var(--descrip-text, #999); font-variant-numeric: tabular-nums; }
.bespoke-sweep-bar { flex: none; height: 4px; background: var(--comfy-input-bg, #222); border-radius: 2px; }
.bespoke-sweep-bar div { height: 100%; width: 0; background: var(--bespoke-line); border-radius: 2px; }
.bespoke-sweep-rows { flex: 1; min-height: 0; overflow: auto; background: var(--comfy-input-bg, #222);
  border: 1px solid var(--border-color, #4e4e4e); border-radius: 4px; user-select: text; outline: none; }
.bespoke-sweep-rows table { width: 100%; border-collapse: collapse; }
.bespoke-sweep-rows th { position: sticky; top: 0; padding: 4px 6px; text-align: left; white-space: nowrap;
  background: var(--comfy-menu-bg, #353535); }
.bespoke-sweep-rows td { padding: 2px 6px; border-top: 1px solid var(--border-color, #4e4e4e); }
.bespoke-sweep-rows img { display: block; width: 32px; height: 32px; image-rendering: pixelated; }
.bespoke-sweep-rows .bespoke-number { text-align: right; font-variant-numeric: tabular-nums; }
`;

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== "") element.textContent = text;
  return element;
}

/** Return a time for people: 45 s, 12 min, 3 h 20 min. */
function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

class SweepView {
  constructor() {
    addStyle("bespoke-sweep-style", STYLE);
    this.element = make("div", "bespoke-sweep");
    const line = make("div", "bespoke-sweep-line");
    this.title = make("b");
    this.left = make("span");
    line.append(this.title, this.left);
    const bar = make("div", "bespoke-sweep-bar");
    this.bar = make("div");
    bar.append(this.bar);
    const rows = make("div", "bespoke-sweep-rows");
    rows.tabIndex = 0;
    rows.dataset.captureWheel = "true";
    rows.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && rows.scrollHeight > rows.clientHeight) event.stopPropagation();
    });
    this.table = make("table");
    rows.append(this.table);
    this.element.append(line, bar, rows);
    this.begin({ pictures: 0, missing: 0, plan: { settings: [] } });
  }

  /** Start anew with what was told before the first picture. */
  begin(told) {
    const settings = told.plan?.settings ?? [];
    this.varied = Object.keys(SETTINGS).filter((name) => new Set(settings.map((one) => one[name])).size > 1);
    const heads = ["", "checkpoint", "prompt", "seed", ...this.varied.map((name) => SETTINGS[name])];
    heads.push("colours", "background");
    const row = make("tr");
    row.append(...heads.map((head) => make("th", "", head)));
    const head = make("thead");
    head.append(row);
    this.body = make("tbody");
    this.table.replaceChildren(head, this.body);
    this.show(told.pictures - told.missing, told.pictures, told.seconds);
  }

  show(done, total, seconds) {
    this.title.textContent = total ? `${done} of ${total} pictures` : "";
    const going = seconds !== null && seconds !== undefined && done < total;
    this.left.textContent = going ? `${duration(seconds)} left` : "";
    this.bar.style.width = total ? `${(100 * done) / total}%` : "0";
  }

  /** Add a finished picture, the latest on top; one that an earlier run drew changes no count. */
  add(cell) {
    const { settings, scores } = cell;
    const row = make("tr");
    const first = make("td");
    if (cell.picture) {
      const picture = make("img");
      const place = { filename: cell.picture, subfolder: `${cell.folder}/cells`, type: "output" };
      picture.src = api.apiURL(`/view?${new URLSearchParams(place)}`);
      picture.alt = "";
      picture.loading = "lazy";
      first.append(picture);
    }
    const values = [settings.checkpoint, settings.prompt_name, settings.seed];
    values.push(...this.varied.map((name) => settings[name]));
    row.append(first, ...values.map((value) => make("td", "", String(value ?? ""))));
    row.append(make("td", "bespoke-number", String(scores.unique_colors ?? "")));
    const match = cell.problem ? "not measured" : (scores.background_match ?? "");
    row.append(make("td", `bespoke-${scores.background_match}`, match));
    row.title = cell.problem ?? settings.prompt;
    this.body.prepend(row);
    if (this.body.rows.length > MOST_ROWS) this.body.lastElementChild.remove();
    if (cell.total) this.show(cell.done, cell.total, cell.seconds_left);
  }
}

function viewOf(node) {
  if (!boxOf(node, BOX)) {
    node.bespokeSweep = new SweepView();
    const holder = make("div", "bespoke-sweep-holder");
    holder.append(node.bespokeSweep.element);
    addBox(node, BOX, holder, HEIGHT, { getValue: () => "", setValue: () => {} });
    node.setSize([Math.max(node.size[0], WIDE), node.size[1]]);
    fit(node);
  }
  return node.bespokeSweep;
}

// Nodes that the server does not run again: what it sends for them is what the first run told before it drew.
let cached = new Set();

app.registerExtension({
  name: "Bespoke.Sweep",
  setup() {
    api.addEventListener("execution_cached", ({ detail }) => {
      cached = new Set((detail?.nodes ?? []).map(String));
    });
  },
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== NODE) return;
    const original = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (output) {
      original?.apply(this, arguments);
      const told = output?.bespoke_sweep_plan?.[0];
      if (told && cached.has(String(this.id)) && !boxOf(this, "dry_run")?.value) {
        const view = viewOf(this);
        if (!view.body.rows.length) {
          view.begin(told);
          for (const cell of output.bespoke_cells_there ?? []) view.add(cell);
        }
        view.show(told.pictures, told.pictures);
        const text = boxOf(this, "bespoke_text");
        if (text) text.element.value = `${told.pictures} pictures, all drawn before`;
        return;
      }
      if (told) viewOf(this).begin(told);
      for (const cell of output?.bespoke_cells_there ?? []) viewOf(this).add(cell);
      for (const cell of output?.bespoke_cell ?? []) viewOf(this).add(cell);
    };
  },
});
