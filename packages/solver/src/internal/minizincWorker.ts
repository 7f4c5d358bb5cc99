/**
 * The WebAssembly build of MiniZinc in a worker thread of Node.
 *
 * The package `minizinc` runs an installed executable under Node, and its WebAssembly build in browsers alone. That build
 * is a script for a browser's worker: it needs `postMessage`, `addEventListener` and `fetch`, which are given to it here,
 * and must not see that it runs under Node.
 *
 * The worker answers `{ type: "ready" }` once it is told where its files are; then each run is one message with files and
 * arguments, answered by messages up to `{ type: "exit" }`.
 */
import { createRequire } from "node:module"
import * as path from "node:path"
import { Worker } from "node:worker_threads"

const script = `
const { parentPort, workerData } = require("node:worker_threads")
const { readFileSync } = require("node:fs")
const { runInThisContext } = require("node:vm")
const file = (url) => readFileSync(workerData + "/" + String(url).split("/").pop())
globalThis.self = globalThis
globalThis.WorkerGlobalScope = Object
globalThis.location = { href: "package:/minizinc-worker.js", pathname: "/" }
globalThis.postMessage = (message) => parentPort.postMessage(message)
globalThis.addEventListener = (_, listener) => parentPort.on("message", (data) => listener({ data }))
globalThis.fetch = async (url) => new Response(file(url), { headers: { "content-type": "application/wasm" } })
globalThis.process = undefined
runInThisContext(file("minizinc-worker.js").toString())
`

/** What the worker says. */
export type Message =
  | { readonly type: "ready" }
  | { readonly type: "solution"; readonly output: { readonly json?: Readonly<Record<string, number>> } }
  | { readonly type: "status"; readonly status: string }
  | { readonly type: "error"; readonly message: string }
  | { readonly type: "exit"; readonly code: number; readonly message?: string }

/** A worker that is ready. Fails where the package is not there. */
export const start = (): Promise<Worker> =>
  new Promise((resolve, reject) => {
    const directory = path.dirname(createRequire(import.meta.url).resolve("minizinc"))
    const worker = new Worker(script, { eval: true, workerData: directory })
    worker.once("error", reject)
    worker.once("message", () => {
      worker.off("error", reject)
      // While it has nothing to do it keeps nobody from ending.
      worker.unref()
      resolve(worker)
    })
    worker.postMessage({ wasmURL: "package:/minizinc.wasm", dataURL: "package:/minizinc.data" })
  })
