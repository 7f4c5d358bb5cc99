/**
 * The pictures in the documentation are what the tool makes of real runs. `UPDATE_PICTURES=1` writes them anew.
 */
import { Chart, ObjectGraph, Sequence } from "@effect-avm/diagram"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import * as bank from "../../examples/Bank.js"
import { record } from "./recorder.js"
import * as shop from "./shop.js"
import { parse } from "./xml.js"

const folder = path.resolve(import.meta.dirname, "../../docs/pictures")

const pictures: Effect.Effect<Readonly<Record<string, string>>> = Effect.gen(function*() {
  const bankChart = Chart.make(
    yield* record(bank.program, { title: "A bank" }, (run) => Effect.provide(run, bank.AccountLive))
  )
  const shopChart = Chart.make(
    yield* record(shop.program, { title: "A shop and its bank" }, (run) => Effect.provide(run, shop.layer))
  )
  return {
    "bank.svg": Sequence.toSvg(bankChart),
    "shop.svg": Sequence.toSvg(shopChart),
    "shop-objects.svg": ObjectGraph.toSvg(shopChart)
  }
})

/** The one of the README is made, and compared, by `test/cli/Run.test.ts`. */
const own = (): ReadonlyArray<string> => readdirSync(folder).filter((name) => name !== "durable-bank.svg")

describe("the pictures in docs/pictures", () => {
  it.effect("are those that the tool makes", () =>
    Effect.gen(function*() {
      const made = yield* pictures
      for (const [name, svg] of Object.entries(made)) {
        const file = path.join(folder, name)
        if (process.env.UPDATE_PICTURES === "1") writeFileSync(file, svg)
        parse(svg)
        assert.strictEqual(readFileSync(file, "utf8"), svg, name)
      }
      assert.sameMembers([...own()], Object.keys(made))
    }))

  it("are shown in the documentation", () => {
    const prose = readFileSync(path.join(folder, "../concepts/observing.md"), "utf8")
    for (const name of own()) assert.include(prose, `(../pictures/${name})`)
  })
})
