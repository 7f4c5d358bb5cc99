/**
 * The colours and lines of the pictures, light and dark, as CSS. A class says what something is, never how it looks.
 */

const light = `
  --paper: #fbfaf6; --card: #ffffff; --ink: #24272f; --soft: #747a88; --faint: #e4e1d8; --group: #f2efe6;
  --call: #3459c7; --reply: #7a859f; --send: #8446c8; --create: #1d8357; --destroy: #bf3b3b; --state: #a86a08;
  --place: #0d7a8c; --error: #c22f45; --committed: #249467; --aborted: #cf4459; --open: #b98516;
  --active: #d5def7; --halo: #fbfaf6; --program: #343a4a; --onprogram: #ffffff;`

const dark = `
  --paper: #15171d; --card: #1f222b; --ink: #e8e6df; --soft: #949bab; --faint: #2d313c; --group: #1b1e26;
  --call: #8aa8ff; --reply: #8b95ad; --send: #c394f6; --create: #5fcb99; --destroy: #f08080; --state: #e3b057;
  --place: #5cc5d6; --error: #ff7d8f; --committed: #4fc592; --aborted: #f0708a; --open: #e0b04c;
  --active: #2c3960; --halo: #15171d; --program: #d9dce6; --onprogram: #1a1c23;`

/** `root` selects what carries the colours: they follow the reader's system unless `data-theme` says otherwise. */
export const colours = (root: string): string => `
${root} {${light} color-scheme: light; }
@media (prefers-color-scheme: dark) { ${root}:not([data-theme="light"]) {${dark} color-scheme: dark; } }
${root}[data-theme="dark"] {${dark} color-scheme: dark; }`

const kinds: ReadonlyArray<readonly [colour: string, kinds: ReadonlyArray<string>]> = [
  ["call", ["call"]],
  ["reply", ["reply"]],
  ["send", ["send", "receive"]],
  ["create", ["create"]],
  ["destroy", ["destroy"]],
  ["state", ["state"]],
  ["place", ["move", "go", "fetch", "transfer", "freeze", "function"]],
  ["error", ["error"]]
]

export const picture: string = `
.sheet { fill: var(--paper); }
.words, .mark, .title, .id, .groupname, .time, .note, .heading {
  font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.words { font-size: 12px; fill: var(--ink); stroke: var(--halo); stroke-width: 3.5px; stroke-linejoin: round;
  paint-order: stroke; }
.words.reply, .words.state, .words.function { fill: var(--soft); }
.line { stroke-width: 1.5px; fill: none; }
.line.reply { stroke-dasharray: 5 4; }
.line.send { stroke-dasharray: 9 3; }
.tip { stroke-width: 1.5px; fill: none; stroke-linecap: round; stroke-linejoin: round; }
.nowhere { fill: var(--paper); stroke: var(--soft); stroke-width: 1.5px; }
.disc { fill: var(--card); stroke-width: 1.5px; }
.sign { stroke-width: 2px; stroke-linecap: round; fill: none; }
.alarm { fill: var(--card); stroke: var(--error); stroke-width: 1.5px; }
.words.error { fill: var(--error); font-weight: 600; stroke: none; }
${
  kinds.map(([colour, kinds]) =>
    kinds.map((kind) =>
      `.line.${kind}, .tip.${kind}, .sign.${kind}, .disc.${kind} { stroke: var(--${colour}); }\n` +
      `.head.${kind}, .dot.${kind} { fill: var(--${colour}); }`
    ).join("\n")
  ).join("\n")
}
.lifeline { stroke: var(--faint); stroke-width: 1.5px; }
.lifeline.none { stroke-dasharray: 1 6; stroke-linecap: round; }
.active { fill: var(--active); stroke: var(--call); stroke-opacity: .55; stroke-width: 1px; }
.band { fill-opacity: .07; }
.band.open { fill-opacity: .05; }
.band.committed, .bar.committed, .mark.committed { fill: var(--committed); }
.band.aborted, .bar.aborted, .mark.aborted { fill: var(--aborted); }
.band.open, .bar.open, .mark.open { fill: var(--open); }
.mark { font-size: 11.5px; font-weight: 600; stroke: var(--halo); stroke-width: 3px; paint-order: stroke; }
.card { fill: var(--card); stroke: var(--faint); stroke-width: 1.25px; }
.card.program { fill: var(--program); stroke: none; }
.card.selected { stroke: var(--call); stroke-width: 2.5px; }
.title { font-size: 13.5px; font-weight: 600; fill: var(--ink); }
.id { font-size: 11.5px; fill: var(--soft); }
.title.program { fill: var(--onprogram); }
.id.program { fill: var(--onprogram); opacity: .7; }
.group { fill: var(--group); }
.groupname { font-size: 11px; font-weight: 600; letter-spacing: .02em; fill: var(--soft); }
.time { font-size: 10.5px; fill: var(--soft); opacity: .75; font-variant-numeric: tabular-nums; }
.heading { font-size: 16px; font-weight: 600; fill: var(--ink); }
.note { font-size: 12px; fill: var(--soft); }
.edge { fill: none; stroke: var(--soft); stroke-width: 1.4px; stroke-opacity: .7; }
.edgetip { fill: var(--soft); }
.node { fill: var(--card); stroke: var(--faint); stroke-width: 1.25px; }
.node.mentioned { stroke-dasharray: 4 4; }
.node.destroyed, .node.none { stroke-dasharray: 2 5; fill: none; }
.node.pending { stroke: var(--open); stroke-width: 1.75px; }
.node.selected { stroke: var(--call); stroke-width: 2.5px; }`
