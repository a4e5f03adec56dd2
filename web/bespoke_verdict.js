// The verdict: its answer, and a table of each checkpoint's mean, a bar of its 95 % interval, and why it was chosen or not.
// Names come from files of strangers: they are only ever set as text.
import { addStyle, keepWheel, make, scoreText } from "./bespoke_views.js";

const STYLE = `
.bespoke-answer { flex: none; padding: 2px 0 2px 8px; border-left: 3px solid var(--bespoke-chosen); font-size: 13px;
  font-weight: 600; line-height: 1.35; overflow-wrap: anywhere; user-select: text; }
.bespoke-rows table.bespoke-ranking { table-layout: auto; }
.bespoke-ranking th { padding: 4px 6px; }
.bespoke-rows .bespoke-ranking td:nth-child(2), .bespoke-rows .bespoke-ranking td:nth-child(4) { white-space: nowrap; }
.bespoke-ranking tr.bespoke-best td { font-weight: 600; }
.bespoke-ranking .bespoke-interval { position: relative; width: 130px; min-width: 90px; height: 12px;
  background: rgb(128 128 128 / 18%); border-radius: 3px; }
.bespoke-interval i { position: absolute; top: 4px; height: 4px; border-radius: 2px; background: var(--bespoke-line);
  opacity: 0.7; }
.bespoke-interval b { position: absolute; top: 1px; width: 3px; height: 10px; margin-left: -1px;
  background: var(--bespoke-line); }
.bespoke-best .bespoke-interval i, .bespoke-best .bespoke-interval b { background: var(--bespoke-chosen); }
.bespoke-ranking .bespoke-mark { color: var(--bespoke-chosen); font-weight: 600; }
`;

const FOLLOWS = new Map([[true, "yes"], [false, "no"]]);

function bar(place, low, high) {
  const box = make("div", "bespoke-interval");
  const at = (value) => `${(100 * (value - low)) / (high - low || 1)}%`;
  if (place.low !== null) {
    const span = box.appendChild(make("i"));
    span.style.left = at(place.low);
    span.style.width = `${(100 * (place.high - place.low)) / (high - low || 1)}%`;
    box.title = `95 % interval ${scoreText(place.low)} to ${scoreText(place.high)}`;
  }
  box.appendChild(make("b")).style.left = at(place.mean);
  return box;
}

function follows(place) {
  const answer = FOLLOWS.get(place.follows_prompts);
  const { yes = 0, no = 0 } = place.answers ?? {};
  if (!answer) return make("span", "bespoke-unknown", "not measured");
  return make("span", `bespoke-${answer}`, yes + no ? `${answer} (${yes} of ${yes + no})` : answer);
}

/** The ranking of a verdict, the chosen one marked, the base model last. */
export function verdictView([verdict]) {
  addStyle("bespoke-verdict-style", STYLE);
  const places = [...verdict.ranking, ...(verdict.base ? [verdict.base] : [])];
  const view = make("div", "bespoke-view");
  if (verdict.headline) view.append(make("div", "bespoke-answer", verdict.headline));
  const rows = view.appendChild(make("div", "bespoke-rows"));
  keepWheel(rows);
  if (!places.length) {
    rows.append(make("div", "bespoke-note", "Nothing was measured."));
    return view;
  }
  const known = places.flatMap((one) => [one.low, one.high, one.mean]).filter((one) => one !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const tied = new Set(verdict.tied_with_best);
  const table = rows.appendChild(make("table", "bespoke-ranking"));
  const head = table.createTHead().insertRow();
  for (const name of [verdict.over === "checkpoint" ? "checkpoint" : "setting", "mean", "95 % interval",
    "follows", "why"]) {
    const cell = head.appendChild(make("th", "", name));
    cell.scope = "col";
  }
  const body = table.createTBody();
  for (const place of places) {
    const best = place.checkpoint === verdict.best && place !== verdict.base;
    const row = body.insertRow();
    if (best) row.className = "bespoke-best";
    const name = row.insertCell();
    name.append(place.label ?? place.checkpoint);
    name.title = place.checkpoint;
    const mark = best ? (verdict.clear_winner ? "clear winner" : "chosen") : tied.has(place.checkpoint) ? "tied" : "";
    if (mark) name.append(" ", make("span", "bespoke-mark", mark));
    const mean = row.insertCell();
    mean.className = "bespoke-number";
    mean.append(place.mean === null ? "\u2013" : scoreText(place.mean));
    row.insertCell().append(bar(place, low, high));
    row.insertCell().append(follows(place));
    row.insertCell().append(make("span", "bespoke-unknown", place.why ?? ""));
  }
  return view;
}
