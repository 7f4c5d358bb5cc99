/**
 * What is on the page before its script fills it.
 */
import type { Chart } from "../Chart.js"
import { escape } from "./svg.js"
import { count, plural } from "./text.js"

const keys: ReadonlyArray<readonly [keys: ReadonlyArray<string>, what: string]> = [
  [["→", "←", "↓", "↑"], "one step on, one step back"],
  [["PageDown", "PageUp"], "ten steps"],
  [["Home", "End"], "to the beginning, to the end"],
  [["Space"], "play, pause"],
  [["+", "-", "0"], "zoom; with the mouse: Ctrl and the wheel"],
  [["/"], "search"],
  [["g"], "messages or objects"],
  [["t"], "light or dark"],
  [["Esc"], "let go of the object, then of the filter"],
  [["?"], "this"]
]

export const body = ({ entries, steps, title }: Chart): string => {
  // Of a call the reply is the entry.
  const taken = steps.filter(({ kind }) => kind !== "call").length
  const all = plural(entries, "entry", "entries")
  return `<body>
<header class="top">
<h1>${escape(title)}</h1><span class="count">${
    taken === entries ? all : `${count(taken)} of ${all}`
  }</span><span class="grow"></span>
<div class="tabs" role="group" aria-label="View">
<button type="button" id="to-messages">Messages</button><button type="button" id="to-objects">Objects</button>
</div>
<span class="grow"></span>
<button type="button" id="group" title="What the lifelines stand together by"></button>
<button type="button" id="theme" title="Light or dark (t)" aria-label="Light or dark">◐</button>
<button type="button" id="ask" title="Keys (?)" aria-label="Keys">?</button>
</header>
<aside class="left" aria-label="Filter">
<h2>Filter <button type="button" id="clear">clear</button></h2>
<input type="search" id="search" placeholder="Search everything" aria-label="Search everything">
<p class="hint" id="shown" aria-live="polite"></p>
<details id="about" open><summary>Notes</summary><ul id="notes"></ul></details>
<h2>Kinds</h2>
<div id="kinds"></div>
<h2>Transactions</h2>
<input type="search" id="transactions-search" placeholder="Find a transaction" aria-label="Find a transaction">
<div id="transactions"></div>
<h2>Objects</h2>
<input type="search" id="objects-search" placeholder="Find an object" aria-label="Find an object">
<div id="objects"></div>
</aside>
<main id="stage" tabindex="0" role="application" aria-label="The trace. Arrow keys step through time.">
<svg id="board" aria-hidden="true"></svg>
<svg id="heads" aria-hidden="true"></svg>
<svg id="graph" aria-hidden="true"></svg>
<canvas id="overview" aria-hidden="true"></canvas>
<div class="corner">
<button type="button" id="zoom-out" aria-label="Smaller" title="Smaller (-)">−</button>
<button type="button" id="zoom-reset" aria-label="Fit" title="Fit (0)">fit</button>
<button type="button" id="zoom-in" aria-label="Larger" title="Larger (+)">+</button>
</div>
<div id="tip" role="tooltip" hidden></div>
</main>
<aside class="right" aria-label="At this time">
<h2>This step</h2>
<div id="now" aria-live="polite"></div>
<div id="selected"></div>
<h2>Objects now</h2>
<div id="states"></div>
</aside>
<footer>
<button type="button" id="first" aria-label="To the beginning" title="To the beginning (Home)">⇤</button>
<button type="button" id="back" aria-label="One step back" title="One step back (←)">◂</button>
<button type="button" id="play" aria-label="Play">▶</button>
<button type="button" id="next" aria-label="One step on" title="One step on (→)">▸</button>
<button type="button" id="last" aria-label="To the end" title="To the end (End)">⇥</button>
<input type="range" id="slider" min="-1" max="0" value="0" step="1" aria-label="Time">
<output id="when"></output>
</footer>
<dialog id="help" aria-label="Keys">
<b>Keys</b>
<dl>
${
    keys.map(([keys, what]) => `<dt>${keys.map((key) => `<kbd>${escape(key)}</kbd>`).join(" ")}</dt><dd>${what}</dd>`)
      .join("\n")
  }
</dl>
<button type="button" id="close-help">Close</button>
</dialog>
</body>`
}
