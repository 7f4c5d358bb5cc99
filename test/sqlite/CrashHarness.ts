/** A program of ours in a process of its own, killed at a given moment. */
import { build } from "esbuild"
import { type ChildProcess, spawn } from "node:child_process"
import { rm } from "node:fs/promises"
import * as path from "node:path"

export interface Killed {
  readonly answered: ReadonlyArray<number>
  readonly wasReady: boolean
}

/** When so many numbers have been told, and a little later: in the middle of whatever is going on then. */
export interface Moment {
  readonly answers: number
  readonly delayMillis: number
}

export interface Program {
  readonly build: () => Promise<unknown>
  readonly remove: () => Promise<void>
  readonly start: (...parameters: ReadonlyArray<string>) => ChildProcess
}

const root = path.resolve(import.meta.dirname, "../..")

/** A file beside this one, in one piece, which starts in a fraction of the time; beside the packages it does not contain. */
export const program = (name: string): Program => {
  const bundle = path.join(root, "node_modules/.cache/effect-avm", `${name}-${process.pid}.mjs`)
  return {
    build: () =>
      build({
        entryPoints: [path.join(import.meta.dirname, `${name}.ts`)],
        outfile: bundle,
        bundle: true,
        conditions: ["@effect-avm/source"],
        external: ["better-sqlite3"],
        format: "esm",
        platform: "node",
        target: "node20"
      }),
    remove: () => rm(bundle),
    start: (...parameters) => spawn(process.execPath, [bundle, ...parameters], { stdio: ["ignore", "pipe", "inherit"] })
  }
}

export const kill = (child: ChildProcess, { answers, delayMillis }: Moment): Promise<Killed> =>
  new Promise((resolve, reject) => {
    const lines: Array<string> = []
    let rest = ""
    let armed = false
    child.stdout?.on("data", (chunk) => {
      const parts = (rest + String(chunk)).split("\n")
      // The last line may yet be cut off.
      rest = parts.pop() ?? ""
      lines.push(...parts)
      if (armed || lines.length <= answers) return
      armed = true
      setTimeout(() => child.kill("SIGKILL"), delayMillis)
    })
    child.on("error", reject)
    child.on("close", (code, signal) => {
      if (signal !== "SIGKILL") return reject(new Error(`the program ended by itself: ${code} ${signal}`))
      resolve({ wasReady: lines[0] === "ready", answered: lines.slice(1).map(Number) })
    })
  })
