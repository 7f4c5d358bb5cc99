/**
 * How the page looks, beside its pictures.
 */
import { colours, picture } from "./palette.js"

const swatches = [
  ["call", "call"],
  ["reply", "reply"],
  ["send", "send"],
  ["receive", "send"],
  ["create", "create"],
  ["destroy", "destroy"],
  ["state", "state"],
  ["error", "error"],
  ["begin", "open"],
  ["commit", "committed"],
  ["committed", "committed"],
  ["abort", "aborted"],
  ["aborted", "aborted"],
  ["open", "open"],
  ["program", "program"],
  ["object", "faint"]
].map(([name, colour]) => `.swatch.${name} { background: var(--${colour}); }`).join("\n")

export const style = (): string =>
  `${colours(":root")}${picture}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html, body { height: 100%; margin: 0; }
body { display: grid; grid-template: auto 1fr auto / 264px 1fr 332px; background: var(--paper); color: var(--ink);
  font: 13.5px/1.45 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header.top { grid-column: 1 / -1; display: flex; align-items: center; gap: 14px; padding: 11px 18px;
  border-bottom: 1px solid var(--faint); }
header.top h1 { font-size: 16px; margin: 0; font-weight: 650; letter-spacing: -.005em; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.count { color: var(--soft); white-space: nowrap; }
.grow { flex: 1; }
button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--faint); border-radius: 8px;
  padding: 4px 11px; cursor: pointer; transition: border-color .12s, background .12s; }
button:hover { border-color: var(--soft); }
button:disabled { opacity: .4; cursor: default; }
button:focus-visible, input:focus-visible, #stage:focus-visible, summary:focus-visible { outline: 2px solid var(--call);
  outline-offset: 1px; }
.tabs { display: flex; background: var(--group); border-radius: 10px; padding: 3px; }
.tabs button { border: 0; background: none; border-radius: 8px; padding: 4px 14px; color: var(--soft); }
.tabs button[aria-pressed="true"] { background: var(--card); color: var(--ink); box-shadow: 0 1px 3px #0002; }
aside { overflow: auto; padding: 14px 16px; scrollbar-width: thin; scrollbar-color: var(--faint) transparent; }
aside.left { border-right: 1px solid var(--faint); }
aside.right { border-left: 1px solid var(--faint); display: flex; flex-direction: column; }
#now, #selected { flex: none; max-height: 42vh; overflow: auto; scrollbar-width: thin; }
#states { flex: 1; min-height: 150px; overflow: auto; scrollbar-width: thin; padding: 1px; }
h2 { font-size: 11.5px; font-weight: 600; letter-spacing: .04em; color: var(--soft); margin: 18px 0 7px;
  display: flex; justify-content: space-between; align-items: center; }
h2:first-child { margin-top: 0; }
input[type="search"] { width: 100%; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--faint); border-radius: 9px; padding: 6px 10px; margin-bottom: 5px; }
#kinds { display: flex; flex-wrap: wrap; gap: 5px; }
.chip { display: inline-flex; gap: 6px; align-items: center; padding: 2px 9px 2px 7px; border-radius: 20px; }
.chip[aria-pressed="false"] { opacity: .45; text-decoration: line-through; }
.chip small { color: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; }
.swatch { display: inline-block; width: 9px; height: 9px; border-radius: 3px; background: var(--place); flex: none; }
${swatches}
.choice { display: flex; align-items: center; gap: 7px; padding: 2.5px 4px; border-radius: 7px; cursor: pointer;
  overflow-wrap: anywhere; }
.choice:hover { background: var(--group); }
.choice input { margin: 0; accent-color: var(--call); }
.hint { color: var(--soft); margin: 3px 4px; font-size: 12.5px; }
#shown { font-weight: 400; letter-spacing: 0; }
#clear { padding: 1px 9px; font-size: 12px; }
#stage { position: relative; overflow: hidden; cursor: grab; touch-action: none; user-select: none; outline-offset: -3px; }
#stage.dragging { cursor: grabbing; }
#board, #graph { position: absolute; inset: 0; width: 100%; height: 100%; }
#heads { position: absolute; top: 0; left: 0; width: 100%; background: var(--paper);
  border-bottom: 1px solid var(--faint); }
#overview { position: absolute; right: 0; bottom: 0; width: 34px; height: calc(100% - 84px); cursor: pointer;
  background: color-mix(in srgb, var(--group) 80%, transparent); }
[data-view="objects"] :is(#board, #heads, #overview), [data-view="messages"] #graph { display: none; }
[data-view="objects"] #group { display: none; }
.empty::after { content: "Nothing passes the filter."; position: absolute; inset: 45% 0 auto; text-align: center;
  color: var(--soft); }
.step { transition: opacity .15s; }
.step.future { opacity: .3; }
.step .line { pointer-events: stroke; }
.now { fill: var(--call); fill-opacity: .09; }
.lifehead { cursor: pointer; }
.lifehead.none .card, .lifehead.destroyed .card { stroke-dasharray: 3 4; fill: var(--paper); }
.lifehead.none text, .lifehead.destroyed text { opacity: .55; }
.object { cursor: pointer; transition: opacity .2s; }
.object.away { opacity: .35; }
.object.changed .node { stroke: var(--state); stroke-width: 2px; }
.reference.dim { opacity: .2; }
.reference.near .edge { stroke: var(--call); stroke-width: 2px; stroke-opacity: 1; }
.reference.near .edgetip { fill: var(--call); }
.corner { position: absolute; right: 46px; bottom: 12px; display: flex; gap: 5px; }
.corner button { min-width: 32px; padding: 4px 8px; background: color-mix(in srgb, var(--card) 92%, transparent); }
#tip { position: absolute; z-index: 2; max-width: 440px; max-height: 60%; overflow: hidden; pointer-events: none;
  background: var(--card); border: 1px solid var(--faint); border-radius: 12px; padding: 10px 13px;
  box-shadow: 0 8px 28px #0003; }
.what { display: flex; align-items: center; gap: 7px; margin: 0 0 6px; flex-wrap: wrap; overflow-wrap: anywhere; }
.what span { color: var(--soft); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 3px 12px; margin: 0; }
dt { color: var(--soft); font-size: 12px; padding-top: 1px; }
dd { margin: 0; font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere;
  max-height: 26em; overflow: auto; }
section.card { border: 1px solid var(--faint); background: var(--card); border-radius: 12px; padding: 10px 13px;
  margin-top: 14px; }
section.card header { display: flex; justify-content: space-between; align-items: center; margin-bottom: 6px;
  overflow-wrap: anywhere; }
section.card header button { border: 0; padding: 0 5px; background: none; }
.links { display: flex; flex-wrap: wrap; gap: 6px; margin: 8px 0 0; }
.links button { font-size: 12px; padding: 2px 9px; }
.fact { display: block; width: 100%; text-align: left; margin-bottom: 5px; padding: 6px 11px; border-radius: 10px;
  overflow-wrap: anywhere; }
.fact b { display: block; font-weight: 600; font-size: 12.5px; }
.fact code { font: 12px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--soft); }
.fact em { display: block; font-style: normal; font-size: 11.5px; color: var(--open); }
.fact.none, .fact.destroyed { opacity: .55; border-style: dashed; }
.fact.changed { border-color: var(--state); box-shadow: inset 3px 0 0 var(--state); }
.fact.selected { border-color: var(--call); }
footer { grid-column: 1 / -1; display: flex; align-items: center; gap: 7px; padding: 9px 18px;
  border-top: 1px solid var(--faint); }
footer button { min-width: 36px; }
#slider { flex: 1; accent-color: var(--call); margin: 0 10px; }
#when { min-width: 190px; text-align: right; color: var(--soft); font-variant-numeric: tabular-nums; }
#transactions, #objects { max-height: 34vh; overflow: auto; scrollbar-width: thin; }
details { margin-top: 10px; color: var(--soft); font-size: 12.5px; }
details ul { margin: 6px 0; padding-left: 18px; }
dialog { border: 1px solid var(--faint); border-radius: 14px; background: var(--card); color: var(--ink);
  padding: 18px 24px; box-shadow: 0 16px 60px #0005; }
dialog::backdrop { background: #0004; }
kbd { font: 12px ui-monospace, Menlo, Consolas, monospace; border: 1px solid var(--faint); border-radius: 5px;
  padding: 1px 6px; background: var(--group); }
dialog dl { gap: 7px 18px; margin: 12px 0; }
dialog dt { color: var(--ink); } dialog dd { font: inherit; color: var(--soft); }
@media (max-width: 980px) { body { grid-template-columns: 0 1fr 270px; } aside.left { visibility: hidden; padding: 0; } }
@media (max-width: 640px) { body { grid-template-columns: 0 1fr 0; } aside.right { visibility: hidden; padding: 0; } }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
`
