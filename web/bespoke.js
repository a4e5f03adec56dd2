// Shows what Bespoke's nodes report: tables of findings, changes and scores, and the text of a finished node
// in a read-only box under its widgets. Everything works without this file; the same is in the history for the API.
import { app } from "../../scripts/app.js";
import { verdictView } from "./bespoke_verdict.js";
import { auditView, cleanView, colorsView, scoresView } from "./bespoke_views.js";

const PREFIX = "Bespoke_";
const BOX = "bespoke_text";
const WIDE = 560;

// What a node shows as a table: the key in its output, the function that makes the element, its least height.
// The new renderer gives an element the height that its content asks for, the classic one asks for a number.
const VIEWS = {
  bespoke_audit: [auditView, 260],
  bespoke_clean: [cleanView, 260],
  bespoke_scores: [scoresView, 240],
  bespoke_colors: [colorsView, 110],
  bespoke_verdict: [verdictView, 200],
};

/** The views that are drawn while a node runs. */
const LIVE = ["bespoke_sweep", "bespoke_training"];

/** Add a DOM widget that is never part of the saved workflow: widget values are saved by position. */
export function addBox(node, name, element, minHeight, options = {}) {
  const box = node.addDOMWidget(name, name, element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => minHeight,
    ...options,
  });
  box.serialize = false;
  box.options.serialize = false;
  return box;
}

export function boxOf(node, name) {
  return node.widgets?.find((widget) => widget.name === name);
}

function showView(node, key, report) {
  const [makeView, minHeight] = VIEWS[key];
  let box = boxOf(node, key);
  if (!box) {
    // The holder stays, what it holds is replaced: the frontend keeps the element that it was given.
    const holder = document.createElement("div");
    holder.className = "bespoke-holder";
    holder.style.minHeight = `${minHeight}px`;
    box = addBox(node, key, holder, minHeight, { getValue: () => "", setValue: () => {} });
    node.setSize([Math.max(node.size[0], WIDE), node.size[1]]);
  }
  box.element.replaceChildren(makeView(report));
}

/** The height that a text asks for, in pixels: its lines, those that wrap counted as often as they need. */
function heightOf(text, width) {
  const letters = Math.max(20, (width - 40) / 6.7);
  const lines = text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / letters)), 0);
  return Math.min(120, 16 * lines + 12);
}

function showText(node, text) {
  let box = boxOf(node, BOX);
  if (!box) {
    const element = document.createElement("textarea");
    element.readOnly = true;
    element.className = "comfy-multiline-input";
    element.style.fontFamily = "monospace";
    element.style.whiteSpace = "pre-wrap";
    element.style.fontSize = "11px";
    box = addBox(node, BOX, element, 120, {
      getMinHeight: () => heightOf(element.value, node.size[0]),
      // beside a table the text is the lesser part: the table takes the room that the user gives the node
      getMaxHeight: () => {
        if (![...Object.keys(VIEWS), ...LIVE].some((key) => boxOf(node, key))) return undefined;
        const least = heightOf(element.value, node.size[0]);
        return least < 120 ? least : 160;
      },
      getValue: () => element.value,
      setValue: (value) => {
        element.value = value;
      },
    });
  }
  box.element.value = text;
  box.element.style.minHeight = `${heightOf(text, node.size[0])}px`;
}

const WATCHED = new WeakSet();

/**
 * In the new renderer a text takes as large a share of the node's free room as a table does; let it have what it
 * needs. The renderer writes its rows anew when a widget comes or goes, so the grid is watched.
 */
function keepWordsShort(node) {
  const grid = document.querySelector(`[data-widgets-grid-node-id="${node.id}"]`);
  if (!grid) return;
  const shorten = () => {
    const isView = (row) => row.querySelector(".bespoke-holder, .bespoke-sweep-holder, .bespoke-run-holder");
    const lines = [...grid.children];
    const rows = grid.style.gridTemplateRows.split(" ");
    if (rows.length !== lines.length || !lines.some(isView)) return;
    const wanted = lines.map((line, at) => (line.querySelector("textarea") ? "min-content" : rows[at])).join(" ");
    if (grid.style.gridTemplateRows !== wanted) grid.style.gridTemplateRows = wanted;
  };
  requestAnimationFrame(shorten);
  if (WATCHED.has(grid)) return;
  WATCHED.add(grid);
  new MutationObserver(shorten).observe(grid, { attributeFilter: ["style"], childList: true });
}

export function fit(node) {
  keepWordsShort(node);
  const size = node.computeSize();
  node.setSize([Math.max(node.size[0], size[0], 320), Math.max(node.size[1], size[1])]);
  node.setDirtyCanvas?.(true, true);
}

app.registerExtension({
  name: "Bespoke.Text",
  nodeCreated(node) {
    if (!node.comfyClass?.startsWith(PREFIX)) return;
    // A few words: the room that the user gives the node belongs to what it shows.
    for (const name of ["style_phrases", "negative_prompt"]) {
      const words = boxOf(node, name);
      if (words?.options) words.options.getMaxHeight = () => 64;
    }
  },
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.name?.startsWith(PREFIX)) return;
    const original = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (output) {
      original?.apply(this, arguments);
      for (const key of Object.keys(VIEWS)) {
        if (output?.[key]?.length) showView(this, key, output[key]);
      }
      if (output?.text?.length) showText(this, output.text.join("\n"));
      fit(this);
    };
  },
});
