// Shows a training run in its node while it goes on: where it is, its loss, the epochs with their samples.
// The server sends the whole state once a second to every browser, so nothing is asked for and nothing is kept.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { addBox, boxOf, fit } from "./bespoke.js";
import { addStyle } from "./bespoke_views.js";

const NODE = "Bespoke_TrainLora";
const EVENT = "bespoke.training";
const BOX = "bespoke_training";
const HEIGHT = 330;
const WIDE = 460;
const SVG = "http://www.w3.org/2000/svg";
const CHART = { width: 400, height: 120 };

const STYLE = `
.bespoke-run-holder { position: relative; width: 100%; height: 100%; min-height: ${HEIGHT}px; }
.bespoke-run { position: absolute; inset: 0; display: flex; flex-direction: column; gap: 6px; overflow: hidden;
  font: 11px/1.4 system-ui, sans-serif; color: var(--input-text, #ddd); }
.bespoke-run-line { flex: none; display: flex; gap: 8px; align-items: baseline; }
.bespoke-run-line b { flex: 1; font-size: 12px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.bespoke-run-line span { flex: none; color: var(--descrip-text, #999); font-variant-numeric: tabular-nums; }
.bespoke-run-bar { flex: none; height: 4px; background: var(--comfy-input-bg, #222); border-radius: 2px; }
.bespoke-run-bar div { height: 100%; width: 0; background: var(--bespoke-line); border-radius: 2px; }
.bespoke-run-chart { flex: 1 1 110px; min-height: 80px; position: relative; border-radius: 4px;
  background: var(--comfy-input-bg, #222); border: 1px solid var(--border-color, #4e4e4e); }
.bespoke-run-chart svg { position: absolute; inset: 6px 6px 6px 40px; width: calc(100% - 46px);
  height: calc(100% - 12px); overflow: visible; }
.bespoke-run-chart span { position: absolute; left: 4px; color: var(--descrip-text, #999); font-size: 10px;
  font-variant-numeric: tabular-nums; }
.bespoke-run-chart .bespoke-run-key { left: auto; right: 8px; top: 4px; }
.bespoke-run-key i { font-style: normal; margin-left: 8px; }
.bespoke-run-epochs { flex: 0 0 auto; display: flex; gap: 6px; overflow-x: auto; padding-bottom: 4px; }
.bespoke-run-epochs:empty { display: none; }
.bespoke-run-epoch { flex: none; width: 108px; padding: 4px; border-radius: 4px; text-align: center;
  background: var(--comfy-input-bg, #222); border: 1px solid var(--border-color, #4e4e4e); }
.bespoke-run-epoch.bespoke-run-best { border-color: var(--bespoke-yes); box-shadow: 0 0 0 1px var(--bespoke-yes); }
.bespoke-run-epoch b { display: block; }
.bespoke-run-best b { color: var(--bespoke-yes); }
.bespoke-run-pictures { display: grid; grid-template-columns: repeat(2, 1fr); gap: 2px; }
.bespoke-run-pictures:has(> :only-child) { grid-template-columns: 1fr; }
.bespoke-run-pictures a { display: block; }
.bespoke-run-pictures img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain;
  image-rendering: pixelated; background: #0003; }
.bespoke-run-epoch span { display: block; color: var(--descrip-text, #999); overflow-wrap: anywhere; }
.bespoke-run-note { flex: none; color: var(--descrip-text, #999); white-space: pre-wrap; min-height: 1.4em;
  max-height: 4.2em; overflow: auto; user-select: text; }
.lg-node-widgets:has(.bespoke-run-holder) .lg-node-widget:has([aria-label="$$node-text-preview"]) {
  height: 0; overflow: hidden; }
.bespoke-run[data-status=failed] .bespoke-run-line b { color: var(--bespoke-no); }
.bespoke-run[data-status=cancelled] .bespoke-run-line b { color: var(--bespoke-unclear); }
.bespoke-run[data-status=finished] .bespoke-run-line b { color: var(--bespoke-yes); }
`;

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.setAttribute("vector-effect", "non-scaling-stroke");
  return element;
}

/** 0:05, 12:30 or 1:02:03 */
function clock(seconds) {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function short(value) {
  return Number.isInteger(value) ? String(value) : Number(value.toPrecision(4)).toString();
}

function words(name) {
  return String(name).replaceAll("_", " ");
}

/** What stands in bold: where the run is. */
function headline(state) {
  if (state.doing) return `${state.status}: ${state.doing[0]} of ${state.doing[1]}`;
  const place = state.step ? `epoch ${state.epoch} of ${state.epochs}, step ${state.step} of ${state.steps}` : "";
  if (state.status === "training") return place || state.status;
  return place ? `${state.status} · ${place}` : state.status;
}

/** The rate and the time left, while it trains. */
function pace(state) {
  const rate = state.steps_per_second;
  if (!rate || !["training", "drawing samples"].includes(state.status)) return "";
  const speed = rate >= 1 ? `${rate.toFixed(1)} steps/s` : `${(1 / rate).toFixed(1)} s a step`;
  return state.seconds_left == null ? speed : `${speed} · ${clock(state.seconds_left)} left`;
}

/** The view of one run: made once, then only changed, so that nothing flickers and scrolling stays. */
class RunView {
  constructor() {
    addStyle("bespoke-run-style", STYLE);
    this.element = make("div", "bespoke-run");
    const line = make("div", "bespoke-run-line");
    this.headline = make("b");
    this.pace = make("span");
    line.append(this.headline, this.pace);
    const bar = make("div", "bespoke-run-bar");
    this.bar = make("div");
    bar.append(this.bar);
    this.chart = make("div", "bespoke-run-chart");
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${CHART.width} ${CHART.height}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.top = make("span");
    this.top.style.top = "2px";
    this.bottom = make("span");
    this.bottom.style.bottom = "2px";
    this.key = make("span", "bespoke-run-key");
    this.chart.append(this.svg, this.top, this.bottom, this.key);
    this.epochs = make("div", "bespoke-run-epochs");
    this.epochs.dataset.captureWheel = "true";
    this.epochs.addEventListener("wheel", (event) => {
      if (event.ctrlKey || this.epochs.scrollWidth <= this.epochs.clientWidth) return;
      event.stopPropagation();
      this.epochs.scrollLeft += event.deltaY || event.deltaX;
    });
    this.note = make("div", "bespoke-run-note");
    this.element.append(line, bar, this.note, this.chart, this.epochs);
    this.cards = new Map();
  }

  show(state) {
    this.element.dataset.status = state.status;
    this.headline.textContent = headline(state);
    this.headline.title = this.headline.textContent;
    this.pace.textContent = pace(state);
    this.bar.style.width = `${state.steps ? (100 * state.step) / state.steps : 0}%`;
    this.showChart(state);
    this.showEpochs(state);
    const best = state.best && `best: epoch ${state.best.epoch}`;
    const value = typeof state.best?.value === "number" ? ` (${words(state.best.metric)} ${short(state.best.value)})` : "";
    const said = this.headline.textContent.startsWith(state.message) ? "" : state.message;
    this.note.textContent = [said, state.status === "training" ? "" : best && best + value].filter(Boolean).join("\n");
  }

  /** The loss of the steps, its mean over an epoch, the held-out loss, the ends of epochs; from 0 upwards. */
  showChart(state) {
    const points = [...state.curve, ...state.mean, ...state.held_out];
    const most = Math.max(...points.map((point) => point[1]), 1e-9);
    const steps = Math.max(state.steps, ...points.map((point) => point[0]), 1);
    const x = (step) => ((CHART.width * step) / steps).toFixed(1);
    const y = (loss) => (CHART.height * (1 - loss / most)).toFixed(1);
    const best = state.best?.epoch;
    const shapes = state.ends.map(([epoch, step]) =>
      draw("line", {
        x1: x(step), x2: x(step), y1: 0, y2: CHART.height,
        stroke: epoch === best ? "var(--bespoke-yes)" : "#8885", "stroke-width": epoch === best ? 1.5 : 1,
      }),
    );
    const line = (values, name, attributes) =>
      values.length &&
      shapes.push(
        draw("polyline", {
          points: values.map(([step, loss]) => `${x(step)},${y(loss)}`).join(" "),
          fill: "none", class: `bespoke-run-${name}`, ...attributes,
        }),
      );
    line(state.curve, "loss", { stroke: "var(--bespoke-loss)", "stroke-width": 0.8 });
    line(state.mean, "mean", { stroke: "var(--bespoke-line)", "stroke-width": 2 });
    line(state.held_out, "held-out", { stroke: "var(--bespoke-held-out)", "stroke-width": 1.5 });
    for (const [step, loss] of state.held_out) {
      // a line of no length with round ends is a dot that no scaling makes an ellipse
      shapes.push(
        draw("line", {
          x1: x(step), x2: x(step), y1: y(loss), y2: y(loss),
          stroke: "var(--bespoke-held-out)", "stroke-width": 6, "stroke-linecap": "round",
        }),
      );
    }
    this.svg.replaceChildren(...shapes);
    this.top.textContent = points.length ? short(Number(most.toPrecision(2))) : "";
    this.bottom.textContent = points.length ? "0" : "";
    this.key.replaceChildren(
      ...[
        ["loss", "var(--bespoke-loss)", state.curve],
        ["mean of an epoch", "var(--bespoke-line)", state.mean],
        ["held out", "var(--bespoke-held-out)", state.held_out],
      ]
        .filter(([, , values]) => values.length)
        .map(([text, color, values]) => {
          const last = values.at(-1)[1];
          const word = make("i", "", Number.isFinite(last) ? `${text} ${last.toFixed(3)}` : text);
          word.style.color = color;
          return word;
        }),
    );
  }

  /** A card for each epoch with samples, the best one marked; a new one scrolls into view. */
  showEpochs(state) {
    const shown = new Set(state.samples.map((sample) => sample.epoch));
    for (const [epoch, card] of this.cards) {
      if (shown.has(epoch)) continue;
      card.remove();
      this.cards.delete(epoch);
    }
    for (const sample of state.samples) {
      const mark = `${sample.time} ${sample.epoch === state.best?.epoch} ${state.best?.metric}`;
      let card = this.cards.get(sample.epoch);
      if (card?.dataset.mark === mark) continue;
      const fresh = this.card(sample, state);
      fresh.dataset.mark = mark;
      this.cards.set(sample.epoch, fresh);
      if (card) {
        card.replaceWith(fresh);
        continue;
      }
      const later = state.samples.find((other) => other.epoch > sample.epoch && this.cards.has(other.epoch));
      this.epochs.insertBefore(fresh, later ? this.cards.get(later.epoch) : null);
      this.epochs.scrollLeft = this.epochs.scrollWidth;
    }
  }

  card(sample, state) {
    const best = sample.epoch === state.best?.epoch;
    const card = make("div", `bespoke-run-epoch${best ? " bespoke-run-best" : ""}`);
    card.append(make("b", "", `${best ? "★ " : ""}epoch ${sample.epoch}`));
    const pictures = make("div", "bespoke-run-pictures");
    for (const path of sample.paths.slice(0, 4)) pictures.append(picture(path, sample, state));
    card.append(pictures);
    const numbers = Object.entries(sample.scores).filter(([, value]) => typeof value === "number");
    const chosen = numbers.find(([name]) => name === state.best?.metric) ?? numbers[0];
    if (chosen) card.append(make("span", "", `${words(chosen[0])} ${short(chosen[1])}`));
    card.title = numbers.map(([name, value]) => `${words(name)}: ${short(value)}`).join("\n");
    return card;
  }
}

/** A thumbnail that opens the whole picture; the paths are relative to the run's folder in the output folder. */
function picture(path, sample, state) {
  const parts = path.split("/");
  const where = new URLSearchParams({
    filename: parts.pop(),
    subfolder: [state.folder, ...parts].join("/"),
    type: "output",
    t: sample.time,
  });
  const link = make("a");
  link.href = api.apiURL(`/view?${where}`);
  link.target = "_blank";
  link.rel = "noopener";
  const image = make("img");
  image.src = link.href;
  image.loading = "lazy";
  image.alt = `sample of epoch ${sample.epoch}`;
  link.append(image);
  return link;
}

/** The node that an execution id names: "12", or "12:3" for node 3 in the subgraph that node 12 is. */
function findNode(id) {
  let graph = app.rootGraph ?? app.graph;
  let node;
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById(Number(part)) ?? graph?.getNodeById(part);
    graph = node?.subgraph;
  }
  return node?.comfyClass === NODE ? node : undefined;
}

/** The frontend's own box for the line of text: the view says the same. In the new renderer a style hides it. */
function hideProgressText(node) {
  const text = boxOf(node, "$$node-text-preview");
  if (text) text.hidden = true;
}

function showRun(node, state) {
  hideProgressText(node);
  let box = boxOf(node, BOX);
  if (!box) {
    const holder = make("div", "bespoke-run-holder");
    box = addBox(node, BOX, holder, HEIGHT, { getValue: () => "", setValue: () => {} });
    box.bespokeView = new RunView();
    holder.append(box.bespokeView.element);
    node.setSize([Math.max(node.size[0], WIDE), node.size[1]]);
    fit(node);
  }
  box.bespokeView.show(state);
}

app.registerExtension({
  name: "Bespoke.Training",
  setup() {
    api.addEventListener(EVENT, ({ detail }) => {
      const node = findNode(detail.node);
      if (node) showRun(node, detail);
    });
  },
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== NODE) return;
    const original = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (output) {
      // the same chart as a picture, for who has no view
      if (output?.bespoke_training?.length) delete output.images;
      original?.apply(this, arguments);
      if (output?.bespoke_training?.length) showRun(this, output.bespoke_training[0]);
    };
  },
});
