// Shows what Bespoke's nodes report: the text of a finished node in a read-only box under its widgets.
// Everything works without this file; the same text is in the history for the API.
import { app } from "../../scripts/app.js";

const PREFIX = "Bespoke_";
const BOX = "bespoke_text";

function showText(node, text) {
  let box = node.widgets?.find((widget) => widget.name === BOX);
  if (!box) {
    const element = document.createElement("textarea");
    element.readOnly = true;
    element.className = "comfy-multiline-input";
    element.style.fontFamily = "monospace";
    element.style.whiteSpace = "pre-wrap";
    element.style.fontSize = "11px";
    box = node.addDOMWidget(BOX, "bespoke_text", element, {
      serialize: false,
      hideOnZoom: false,
      getMinHeight: () => 120,
      getValue: () => element.value,
      setValue: (value) => {
        element.value = value;
      },
    });
    // Never part of the saved workflow: widget values are saved by position.
    box.serialize = false;
    box.options.serialize = false;
  }
  box.element.value = text;
  const size = node.computeSize();
  node.setSize([Math.max(node.size[0], size[0], 320), Math.max(node.size[1], size[1])]);
  node.setDirtyCanvas?.(true, true);
}

app.registerExtension({
  name: "Bespoke.Text",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.name?.startsWith(PREFIX)) return;
    const original = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (output) {
      original?.apply(this, arguments);
      const text = output?.text;
      if (text?.length) showText(this, text.join("\n"));
    };
  },
});
