// What a real receiver on the loopback gets, compared with what docs/concepts/observing.md says.
import { Avm } from "@effect-avm/core"
import { Telemetry } from "@effect-avm/opentelemetry"
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Effect, Exit, Layer, Logger, TestClock } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { CountedMachine, Machine, overdraft, race } from "./bank.js"
import { attributesOf, outline, receiver } from "./receiver.js"

const documented = fs.readFileSync(path.resolve(import.meta.dirname, "../../docs/concepts/observing.md"), "utf8")

/** The warnings and errors that are logged. */
const warnings = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel.ordinal >= 30_000) lines.push(String(message))
  })
  return { lines, layer: Logger.replace(Logger.defaultLogger, logger) }
}

const quick = { serviceName: "bank", traceInterval: "10 millis", metricInterval: "10 millis" } as const

describe("a receiver", () => {
  it.scopedLive("gets the spans of a transfer with a conflict and a retry, as documented", () =>
    Effect.gen(function*() {
      const received = yield* receiver()
      const otlp = Telemetry.layerOtlp({
        ...quick,
        url: `${received.url}/`,
        serviceVersion: "1.2",
        attributes: { "deployment.environment": "test" },
        headers: { authorization: "Bearer x" }
      })
      const program = Avm.run(race).pipe(Effect.provide(Machine), Effect.provide(otlp))
      assert.deepStrictEqual(yield* program, [65, 135])
      const text = outline(received.spans)
      assert.include(documented, `\`\`\`text\n${text}\n\`\`\``, text)

      const [lost, won] = received.spans.filter(({ name }) => name === "avm.transaction").sort((a, b) =>
        a.status.code === b.status.code ? b.links.length - a.links.length : b.status.code - a.status.code
      )
      assert(lost !== undefined && won !== undefined)
      // The codes of OTLP: 1 is well, 2 an error.
      assert.deepStrictEqual([lost.status.code, won.status.code], [2, 1])
      assert.deepStrictEqual(won.links.map(({ spanId }) => spanId), [lost.spanId])
      const exception = lost.events.find(({ name }) => name === "exception")
      assert.strictEqual(attributesOf(exception?.attributes ?? [])["exception.type"], "TxConflict")
      assert.strictEqual(attributesOf(lost.attributes)["avm.controller"], "bank")
      assert.notProperty(attributesOf(lost.attributes), "status.interrupted")
      assert.strictEqual(new Set(received.spans.map(({ traceId }) => traceId)).size, 1)
      assert.deepStrictEqual(received.resources[0], {
        "deployment.environment": "test",
        "service.name": "bank",
        "service.version": "1.2"
      })
      for (const { authorization } of received.headers) assert.strictEqual(authorization, "Bearer x")
    }))

  it.scopedLive("is told of failures and interruptions", () =>
    Effect.gen(function*() {
      const received = yield* receiver()
      const otlp = Telemetry.layerOtlp({ ...quick, url: received.url, signals: ["traces"] })
      const failing = Effect.exit(Avm.run(overdraft))
      const interrupted = Effect.timeoutOption(Avm.run(Effect.never), "20 millis")
      const exit = yield* Effect.zipLeft(failing, interrupted).pipe(Effect.provide(Machine), Effect.provide(otlp))
      assert(Exit.isFailure(exit))
      // They may come in two batches, which may overtake one another.
      const programs = received.spans.filter(({ name }) => name === "avm.program")
      assert.lengthOf(programs, 2)
      const [failed, stopped] = programs.sort((a, b) => b.status.code - a.status.code)
      assert.strictEqual(failed?.status.code, 2)
      assert.deepStrictEqual(failed?.events.map(({ name }) => name), ["ObjectCreated", "ErrorOccurred", "exception"])
      const exception = attributesOf(failed?.events.at(-1)?.attributes ?? [])
      assert.strictEqual(exception["exception.type"], "InsufficientFunds")
      assert.strictEqual(stopped?.status.code, 1)
      assert.isTrue(attributesOf(stopped?.attributes ?? [])["status.interrupted"])
      assert.strictEqual(received.metrics.size, 0)
    }))

  it.scopedLive("gets the metrics", () =>
    Effect.gen(function*() {
      const received = yield* receiver()
      const otlp = Telemetry.layerOtlp({ ...quick, url: received.url, signals: ["metrics"] })
      yield* Avm.run(race).pipe(Effect.provide(CountedMachine), Effect.provide(otlp))
      const value = (name: string) => received.metrics.get(name)?.asDouble
      // Those of the whole process, in which other tests have counted too.
      assert.isAtLeast(value("avm.transaction.commits") ?? 0, 2)
      assert.isAtLeast(value("avm.transaction.aborts") ?? 0, 1)
      assert.isAtLeast(value("avm.transaction.conflicts") ?? 0, 1)
      assert.isAtLeast(value("avm.transaction.retries") ?? 0, 1)
      assert.isAtLeast(value("avm.calls") ?? 0, 8)
      const duration = received.metrics.get("avm.commit.duration transaction")
      assert.isAtLeast(duration?.count ?? 0, 2)
      assert.strictEqual(duration?.unit, "ms")
      assert.isAbove(duration?.sum ?? 0, 0)
      for (const name of ["avm.snapshots.live", "avm.store.objects"]) assert.strictEqual(value(name), 0, name)
      assert.strictEqual(received.spans.length, 0)
      for (const name of received.metrics.keys()) {
        if (name.startsWith("avm.")) assert.include(documented, `\`${name.split(" ")[0]}\``)
      }
    }))

  it.scopedLive("that takes no spans does not stop the program, and is told of once", () =>
    Effect.gen(function*() {
      const received = yield* receiver(400)
      const { layer, lines } = warnings()
      const otlp = Telemetry.layerOtlp({ ...quick, url: received.url })
      const program = Effect.zipLeft(Avm.run(race), Effect.sleep("100 millis"))
      const answer = yield* program.pipe(Effect.provide(Machine), Effect.provide(otlp), Effect.provide(layer))
      assert.deepStrictEqual(answer, [65, 135])
      assert.deepStrictEqual(lines, [
        `No telemetry for now: the OTLP receiver at ${received.url} answers with the status 400`
      ])
    }))

  it.live("that is not there does not stop the program, and is told of once", () =>
    Effect.gen(function*() {
      // Nobody listens there any more.
      const { url } = yield* Effect.scoped(receiver())
      const { layer, lines } = warnings()
      const otlp = Telemetry.layerOtlp({ ...quick, url, shutdownTimeout: "200 millis" })
      const program = Effect.zipLeft(Avm.run(race), Effect.sleep("100 millis"))
      const [time, answer] = yield* Effect.timed(
        program.pipe(Effect.provide(Machine), Effect.provide(otlp), Effect.provide(layer))
      )
      assert.deepStrictEqual(answer, [65, 135])
      assert.lengthOf(lines, 1)
      assert.include(lines[0], `the OTLP receiver at ${url} cannot be reached`)
      assert.include(lines[0], "ECONNREFUSED")
      assert.isBelow(Number(time.value._tag === "Millis" ? time.value.millis : 0), 2500)
    }))

  it.scoped("that comes back and goes again is told of again", () =>
    Effect.gen(function*() {
      const { layer, lines } = warnings()
      const answers = [400, 400, 200, 400]
      const asked: Array<number> = []
      const client = HttpClient.make((request) =>
        Effect.sync(() => {
          const status = answers[asked.length] ?? 200
          asked.push(status)
          return HttpClientResponse.fromWeb(request, new Response("", { status }))
        })
      )
      const otlp = Telemetry.layerOtlpOver({ url: "http://receiver", serviceName: "x", signals: ["metrics"] })
      yield* Layer.build(Layer.provide(otlp, Layer.succeed(HttpClient.HttpClient, client))).pipe(Effect.provide(layer))
      // Every ten seconds; but for a minute after each failure, by the exporter.
      yield* TestClock.adjust("160 seconds")
      assert.deepStrictEqual(asked.slice(0, 4), [400, 400, 200, 400])
      assert.lengthOf(lines, 2)
    }))
})

describe("an address that is none", () => {
  for (const url of ["", "localhost:4318", "ftp://x", "http://", "http://a b"]) {
    it.effect(`is refused: ${JSON.stringify(url)}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Layer.launch(Telemetry.layerOtlp({ url, serviceName: "x" })))
        assert.strictEqual(error._tag, "OtlpUrlInvalid")
        assert.strictEqual(error.url, url)
        assert.include(error.message, url)
      }))
  }
})

it.live("an application's own SDK gets the same spans", () =>
  Effect.gen(function*() {
    const exporter = new InMemorySpanExporter()
    const sdk = NodeSdk.layer(() => ({
      resource: { serviceName: "bank" },
      spanProcessor: new SimpleSpanProcessor(exporter)
    }))
    const names = yield* Avm.run(race).pipe(
      Effect.zipRight(Effect.sync(() => exporter.getFinishedSpans().map(({ name }) => name))),
      Effect.provide(Machine),
      Effect.provide(sdk)
    )
    assert.deepStrictEqual(
      ["avm.program", "avm.transaction", "avm.call"].map((name) => names.filter((_) => _ === name).length),
      [1, 3, 8]
    )
  }))

it.scopedLive("with telemetry a program does what it does without", () =>
  Effect.gen(function*() {
    const received = yield* receiver()
    const run = Effect.map(Avm.runTraced(race), ({ exit, trace }) => [
      exit,
      trace.map(({ event, executingController, timestamp }) => [timestamp, event._tag, executingController])
    ])
    const off = yield* Effect.provide(run, Machine)
    assert.strictEqual(received.headers.length, 0)
    const otlp = Telemetry.layerOtlp({ ...quick, url: received.url })
    assert.deepStrictEqual(yield* run.pipe(Effect.provide(CountedMachine), Effect.provide(otlp)), off)
    assert.isAbove(received.spans.length, 0)
  }))
