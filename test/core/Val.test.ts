/**
 * `Val`: which data it is, its equality, and the forms in which it travels.
 *
 * Laws over generated Vals first; then the refusals, each planted at a place of its own; then scenarios, the two forms
 * byte by byte, and data that is deep, cyclic or shared.
 */
import { AvmError, ObjectId, Val } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Data, Either, type Equivalence, Option, ParseResult, Schema } from "effect"
import fc from "fast-check"
import { isDeepStrictEqual } from "node:util"
import { expectTypeOf } from "vitest"

// ---------------------------------------------------------------------------
// Vals to try
// ---------------------------------------------------------------------------

/** Also with the key `__proto__`, and with a choice of the prototype. */
const record = (
  entries: ReadonlyArray<readonly [string, unknown]>,
  prototype: object | null = Object.prototype
): { readonly [key: string]: Val.Val } => Object.setPrototypeOf(Object.fromEntries(entries), prototype)

const units = "\0A\x7f\x80\u07ff\u0800\ud7ff\ud800\udbff\udc00\udfff\ue000\ufeff\uffff"

/** Any UTF-16 code units: pairs and lone surrogates are likely, and so is plain text. */
const text = (): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.string({ maxLength: 8 }) },
    { weight: 1, arbitrary: fc.string({ minLength: 60, maxLength: 70 }) },
    { weight: 2, arbitrary: fc.string({ unit: "grapheme", maxLength: 8 }) },
    {
      weight: 2,
      arbitrary: fc.array(fc.nat({ max: units.length - 1 }), { maxLength: 6 })
        .map((indexes) => indexes.map((index) => units[index]).join(""))
    }
  )

const key = (): fc.Arbitrary<string> =>
  fc.oneof(
    text(),
    fc.constantFrom(..."__proto__ constructor toString length value 0 1 10 9 $ $$ $x".split(" "), ""),
    fc.constantFrom(..."$ref $bigint $bytes $$ref $$bigint $$$bytes".split(" "))
  )

const number = (): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min: -200, max: 200 }),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(-0, 2 ** 48, 2 ** 48 - 1, -(2 ** 48), -(2 ** 48) - 1, 2 ** 53, Number.MAX_VALUE, Number.MIN_VALUE)
  )

const bigint = (): fc.Arbitrary<bigint> =>
  fc.oneof(fc.bigInt({ min: -300n, max: 300n }), fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }))

const leaf = (): fc.Arbitrary<Val.Val> =>
  fc.oneof(
    fc.constantFrom(null, true, false),
    number(),
    bigint(),
    text(),
    fc.uint8Array({ maxLength: 10 }),
    text().map(ObjectId.make)
  )

const within = (
  leaf: fc.Arbitrary<Val.Val>,
  key: fc.Arbitrary<string>,
  maxLength: number
): fc.Arbitrary<Val.Val> =>
  fc.letrec<{ val: Val.Val }>((tie) => ({
    val: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("val"), { maxLength }),
      fc.tuple(
        fc.uniqueArray(fc.tuple(key, tie("val")), { maxLength, selector: ([key]) => key }),
        fc.constantFrom(Object.prototype, null)
      ).map(([entries, prototype]) => record(entries, prototype))
    )
  })).val

const val = (): fc.Arbitrary<Val.Val> => within(leaf(), key(), 6)

const zeros: ReadonlyArray<Val.Val> = [
  0,
  -0,
  0n,
  "0",
  false,
  null,
  "",
  ObjectId.make("0"),
  new Uint8Array(1),
  new Uint8Array()
]
const ones: ReadonlyArray<Val.Val> = [1, 1n, "1", true, "o1", ObjectId.make("o1"), new Uint8Array([1])]

/** So few that two of them are often equal, or nearly. */
const few = (): fc.Arbitrary<Val.Val> =>
  within(fc.constantFrom(...zeros, ...ones), fc.constantFrom("0", "a", "__proto__"), 2)

/** An equal Val, but nothing is the same object: another order of keys, other prototypes, the other zero, a Buffer. */
const twin = (val: Val.Val): Val.Val => {
  if (val === 0) return Object.is(val, 0) ? -0 : 0
  if (typeof val !== "object" || val === null) return val
  if (ObjectId.isObjectId(val)) return ObjectId.make(val.value)
  if (val instanceof Uint8Array) return val instanceof Buffer ? new Uint8Array(val) : Buffer.from(val)
  if (Array.isArray(val)) return val.map(twin)
  return record(
    Object.entries(val).reverse().map(([key, part]) => [key, twin(part)]),
    Object.getPrototypeOf(val) === null ? Object.prototype : null
  )
}

/** The reference for `equals`: two Vals are equal if they are written the same. */
const written = (val: Val.Val): string => {
  switch (typeof val) {
    case "number":
      return `number ${val === 0 ? 0 : val}`
    case "string":
      return `string ${JSON.stringify(val)}`
    case "object":
      break
    default:
      return `${typeof val} ${val}`
  }
  if (val === null) return "null"
  if (ObjectId.isObjectId(val)) return `reference ${JSON.stringify(val.value)}`
  if (val instanceof Uint8Array) return `bytes ${Array.from(val)}`
  if (Array.isArray(val)) return `[${val.map(written)}]`
  return `{${Object.entries(val).map(([key, part]) => `${JSON.stringify(key)}: ${written(part)}`).sort()}}`
}

const encodeJson = Schema.encodeSync(Val.Json)
const decodeJson = Schema.decodeUnknownSync(Val.Json)
const encodeBinary = Schema.encodeSync(Val.Binary)
const decodeBinary = Schema.decodeUnknownSync(Val.Binary)
const encodeData = Schema.encodeSync(Val.ValFromJson)
const decodeData = Schema.decodeUnknownSync(Val.ValFromJson)

/** Where and why a decoder refuses; anything thrown fails the test. */
const refusal = <A, I>(
  schema: Schema.Schema<A, I>,
  input: unknown
): { readonly path: unknown; readonly message: string } => {
  const error = Either.getOrThrow(Either.flip(Schema.decodeUnknownEither(schema)(input)))
  assert.isString(error.message)
  const [{ message, path }] = ParseResult.ArrayFormatter.formatErrorSync(error)
  return { path, message }
}

const invalid = (input: unknown): Val.InvalidVal => Either.getOrThrow(Either.flip(Val.fromUnknown(input)))

const holds = <Ts>(property: fc.IPropertyWithHooks<Ts>): void => {
  fc.assert(property, { numRuns: process.env.SOAK === undefined ? 300 : 30_000 })
}

// ---------------------------------------------------------------------------
// laws
// ---------------------------------------------------------------------------

describe("equality", () => {
  it("is that of the reference", () =>
    holds(
      fc.property(few(), few(), (self, that) =>
        assert.strictEqual(Val.equals(self, that), written(self) === written(that)))
    ))

  it("is true of a twin and false of neighbours", () =>
    holds(fc.property(val(), val(), (self, that) => {
      assert.isTrue(Val.equals(self, twin(self)))
      assert.isFalse(Val.equals(self, [self]))
      assert.isFalse(Val.equals({ a: self, b: that }, { a: self, c: that }))
      assert.isFalse(Val.equals([self, that], [self]))
    })))

  it("is reflexive, symmetric and transitive", () =>
    holds(fc.property(few(), few(), few(), (a, b, c) => {
      assert.isTrue(Val.equals(a, a))
      assert.strictEqual(Val.equals(a, b), Val.equals(b, a))
      if (Val.equals(a, b) && Val.equals(b, c)) assert.isTrue(Val.equals(a, c))
    })))

  it("makes hash, text, bytes and printed form the same; different bytes and texts make it fail", () =>
    holds(fc.property(few(), few(), val(), (a, b, c) => {
      for (const [self, that] of [[a, b], [a, twin(a)], [c, twin(c)]] as const) {
        const equal = Val.equals(self, that)
        if (equal) assert.strictEqual(Val.hash(self), Val.hash(that))
        assert.strictEqual(Buffer.compare(encodeBinary(self), encodeBinary(that)) === 0, equal)
        assert.strictEqual(encodeJson(self) === encodeJson(that), equal)
        assert.strictEqual(JSON.stringify(encodeData(self)) === JSON.stringify(encodeData(that)), equal)
        if (equal) assert.strictEqual(Val.format(self), Val.format(that))
      }
    })))

  it("tells apart what differs in order, kind, nesting or length, and hashes it apart", () => {
    const nested: ReadonlyArray<Val.Val> = [[], {}, [1, 2], [2, 1], [[1], [2]], [[1, 2]], [[], []], [[[]]], { a: [] }]
    const records: ReadonlyArray<Val.Val> = [{ a: 1, b: 2 }, { a: 2, b: 1 }, { a: {}, b: {} }, { b: [] }, { b: {} }]
    // Names that every record inherits something under.
    const inherited = ["__proto__", "toString", "constructor"].map((key) => record([[key, {}]]))
    const different = [...zeros.slice(1), ...ones, ...nested, ...records, ...inherited]
    for (const self of different) {
      for (const that of different) assert.strictEqual(Val.equals(self, that), self === that)
    }
    assert.strictEqual(new Set(different.map(Val.hash)).size, different.length)
  })

  it("is that of Schema.equivalence", () => {
    const equivalence: Equivalence.Equivalence<Val.Val> = Schema.equivalence(Val.Val)
    assert.isTrue(equivalence([1n, { a: 0 }], [1n, { a: -0 }]))
    assert.isFalse(equivalence([1n], [1]))
  })
})

describe("round trips", () => {
  it("Json", () => holds(fc.property(val(), (val) => assert.isTrue(Val.equals(decodeJson(encodeJson(val)), val)))))

  it("Json is JSON", () =>
    holds(fc.property(val(), (val) => assert.deepStrictEqual(JSON.parse(encodeJson(val)), encodeData(val)))))

  it("ValFromJson, through text and back", () =>
    holds(fc.property(val(), (val) => {
      assert.isTrue(Val.equals(decodeData(encodeData(val)), val))
      assert.isTrue(Val.equals(decodeData(JSON.parse(JSON.stringify(encodeData(val)))), val))
    })))

  it("Binary, also out of the middle of a Buffer", () =>
    holds(fc.property(val(), (val) => {
      const bytes = encodeBinary(val)
      assert.isTrue(Val.equals(decodeBinary(bytes), val))
      assert.isTrue(Val.equals(decodeBinary(Buffer.concat([Buffer.from([7, 7]), bytes]).subarray(2)), val))
    })))

  it("what was decoded shares no bytes with its source", () => {
    const source = encodeBinary(new Uint8Array([1, 2, 3]))
    const decoded = decodeBinary(source)
    source.fill(0)
    assert.deepStrictEqual(decoded, new Uint8Array([1, 2, 3]))
  })

  it("InvalidVal, as errors travel", () => {
    const error = invalid([undefined])
    const json = JSON.stringify(Schema.encodeSync(AvmError.AvmError)(error))
    const back = Schema.decodeUnknownSync(AvmError.AvmError)(JSON.parse(json))
    assert.strictEqual(back.message, "not a Val: undefined at [0]")
    assert.deepStrictEqual(JSON.parse(json), { _tag: "InvalidVal", path: [0], found: "undefined" })
  })
})

describe("decoding anything", () => {
  it("Binary takes no bytes but those it writes, and never throws", () => {
    const garbage = fc.uint8Array({ maxLength: 20 }).map((bytes) => Uint8Array.of(1, ...bytes))
    const damaged = fc.tuple(val(), fc.nat(), fc.nat({ max: 255 }), fc.boolean()).map(([val, at, byte, cut]) => {
      const bytes = encodeBinary(val)
      bytes[at % bytes.length] = byte
      return cut ? bytes.slice(0, at % bytes.length) : bytes
    })
    holds(fc.property(fc.oneof(garbage, damaged), (bytes) => {
      const decoded = Schema.decodeUnknownEither(Val.Binary)(bytes)
      if (Either.isRight(decoded)) assert.deepStrictEqual(encodeBinary(decoded.right), Uint8Array.from(bytes))
      else assert.isString(decoded.left.message)
    }))
  })

  it("Json and ValFromJson never throw, and take any JSON in which no key starts with $", () =>
    holds(fc.property(fc.jsonValue(), (json) => {
      const decoded = Schema.decodeUnknownEither(Val.ValFromJson)(json)
      if (!JSON.stringify(json).includes(`"$`)) {
        assert.isTrue(Either.isRight(decoded) && isDeepStrictEqual(decoded.right, json))
      }
      assert.strictEqual(
        Either.isRight(Schema.decodeUnknownEither(Val.Json)(JSON.stringify(json))),
        Either.isRight(decoded)
      )
    })))

  it("ValFromJson never throws", () =>
    holds(fc.property(
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withTypedArray: true, withSparseArray: true }),
      (json) => {
        Schema.decodeUnknownEither(Val.ValFromJson)(json)
      }
    )))
})

// ---------------------------------------------------------------------------
// refusals
// ---------------------------------------------------------------------------

class Account {}

const revoked = (): unknown => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const hostile: ProxyHandler<object> = new Proxy({}, {
  get: () => () => {
    throw new Error("a trap was sprung")
  }
})

const cycle = (): unknown => {
  const self: Array<unknown> = []
  self.push({ self })
  return self
}

const never = (): never => {
  throw new Error("an accessor was called")
}

/** What is no Val, what it is called, and the way from it to the culprit. */
const culprits: ReadonlyArray<readonly [make: () => unknown, found: string, path?: ReadonlyArray<string | number>]> = [
  [() => undefined, "undefined"],
  [() => () => 1, "function"],
  [() => Account, "function"],
  [() => Symbol("s"), "symbol"],
  [() => ObjectId.ObjectIdTypeId, "symbol"],
  [() => NaN, "NaN"],
  [() => Infinity, "Infinity"],
  [() => -Infinity, "-Infinity"],
  [() => new Map(), "Map"],
  [() => new Set(), "Set"],
  [() => new WeakMap(), "WeakMap"],
  [() => new Date(0), "Date"],
  [() => Promise.resolve(1), "Promise"],
  [() => /x/, "RegExp"],
  [() => new Error("e"), "Error"],
  [() => new Number(1), "Number"],
  [() => new Int8Array(1), "Int8Array"],
  [() => new Uint8ClampedArray(1), "Uint8ClampedArray"],
  [() => new DataView(new ArrayBuffer(1)), "DataView"],
  [() => new ArrayBuffer(1), "ArrayBuffer"],
  [() => new Account(), "Account"],
  [() => new (class extends Array {})(), "class instance"],
  [() => new (class Stack extends Array {})(), "Stack"],
  [() => new (class {})(), "class instance"],
  [() =>
    new (class {
      static {
        Object.defineProperty(this, "name", { value: 1 })
      }
    })(), "class instance"],
  [() => Object.create({ a: 1 }), "class instance"],
  [() => Object.create(Object.create(null)), "class instance"],
  [() => Object.create(Uint8Array.prototype), "Uint8Array"],
  [() => Object.create(Array.prototype), "Array"],
  [() => Object.setPrototypeOf([1], null), "class instance"],
  [() => Object.setPrototypeOf([1], Object.prototype), "Object"],
  [() =>
    Object.create({
      get constructor() {
        return never()
      }
    }), "class instance"],
  [() => Object.create(new Proxy({}, hostile)), "class instance"],
  [() => Object.setPrototypeOf([], new Proxy({}, hostile)), "class instance"],
  [() => Data.struct({ a: 1 }), "class instance"],
  [() => Option.none(), "class instance"],
  [() => Cause.empty, "class instance"],
  [() => new Proxy({}, {}), "Proxy"],
  [() => new Proxy([], {}), "Proxy"],
  [() => new Proxy(new Uint8Array(), {}), "Proxy"],
  [() => new Proxy(ObjectId.make("o1"), {}), "Proxy"],
  [() => new Proxy({}, hostile), "Proxy"],
  [() => new Proxy([], hostile), "Proxy"],
  [() => new Proxy(never, hostile), "function"],
  [revoked, "Proxy"],
  [
    () => ({
      get a() {
        return never()
      }
    }),
    "accessor",
    ["a"]
  ],
  [() => ({ set a(_: unknown) {} }), "accessor", ["a"]],
  [() => Object.defineProperty([1, 2], 1, { get: never, enumerable: true }), "accessor", [1]],
  [() => Object.defineProperty([1, 2], 1, { set: never, enumerable: true }), "accessor", [1]],
  [() => Object.defineProperty([1, 2], "a", { get: never, enumerable: true }), "accessor", ["a"]],
  [() => Object.defineProperty({}, "a", { value: 1 }), "non-enumerable property", ["a"]],
  [() => Object.defineProperty([1, 2], 0, { value: 1, enumerable: false }), "non-enumerable property", [0]],
  [() => ({ a: 1, [Symbol("s")]: 1 }), "symbol key"],
  [() => Object.defineProperty({}, Symbol("s"), { get: never }), "symbol key"],
  [() => Object.assign([1], { [Symbol("s")]: 1 }), "symbol key"],
  [() => Object.assign([1, 2], { a: 1 }), "property of a list", ["a"]],
  [() => "b".match(/b/), "property of a list", ["index"]],
  // eslint-disable-next-line no-sparse-arrays
  [() => [1, , 3], "hole", [1]],
  [() => new Array(2 ** 32 - 1), "hole", [0]],
  // As many keys as elements.
  [() => Object.assign(new Array(1), { a: 1 }), "hole", [0]],
  [() => [1, undefined], "undefined", [1]],
  [cycle, "cycle", [0, "self"]],
  // It has the symbol of a reference, but also something else.
  [() => ({ [ObjectId.ObjectIdTypeId]: ObjectId.ObjectIdTypeId, value: "o1" }), "symbol key"],
  [() => Object.assign(ObjectId.make("o1"), { callback: never }), "ObjectIdImpl"],
  [() => Object.assign(ObjectId.make("o1"), { [Symbol("s")]: never }), "ObjectIdImpl"],
  [() => Object.create(ObjectId.make("o1")), "class instance"],
  [() => Object.create(Object.create(new Proxy({}, hostile)), { value: { value: "o1" } }), "class instance"],
  [() => Object.create(Object.getPrototypeOf(ObjectId.make("")), { value: { get: never } }), "ObjectIdImpl"],
  [() => Object.create(Object.getPrototypeOf(ObjectId.make("")), { value: { value: 1 } }), "ObjectIdImpl"]
]

/** Lists and records around a culprit, outermost first: what comes before it, its place, what follows. */
type Shell =
  | { readonly _tag: "List"; readonly before: ReadonlyArray<Val.Val>; readonly after: ReadonlyArray<unknown> }
  | { readonly _tag: "Record"; readonly before: Val.Val; readonly key: string; readonly after: unknown }

const shells = (): fc.Arbitrary<ReadonlyArray<Shell>> =>
  fc.array(
    fc.oneof(
      fc.record({
        _tag: fc.constant("List" as const),
        before: fc.array(val(), { maxLength: 2 }),
        after: fc.array(fc.oneof(val(), fc.constant(undefined)), { maxLength: 2 })
      }),
      fc.record({
        _tag: fc.constant("Record" as const),
        before: val(),
        // Neither an integer, which would come first, nor one of the others' names.
        key: key().filter((key) => !/^\d+$/.test(key) && key !== "before" && key !== "after"),
        after: fc.oneof(val(), fc.constant(NaN))
      })
    ),
    { maxLength: 4 }
  )

const plant = (shells: ReadonlyArray<Shell>, culprit: unknown): unknown =>
  shells.reduceRight<unknown>((inner, shell) =>
    shell._tag === "List"
      ? [...shell.before, inner, ...shell.after]
      : record([["before", shell.before], [shell.key, inner], ["after", shell.after]]), culprit)

const pathOf = (shells: ReadonlyArray<Shell>): ReadonlyArray<string | number> =>
  shells.map((shell) => shell._tag === "List" ? shell.before.length : shell.key)

describe("fromUnknown", () => {
  it("takes every Val, as it is", () =>
    holds(fc.property(val(), (val) => {
      assert.isTrue(Object.is(Either.getOrThrow(Val.fromUnknown(val)), val))
      assert.isTrue(Val.isVal(val))
      assert.isTrue(Object.is(Schema.decodeUnknownSync(Val.Val)(val), val))
    })))

  it("takes a Buffer, a frozen list, a class's bytes", () => {
    class Image extends Uint8Array {}
    for (const val of [Buffer.from("abc"), new Image(3), Object.freeze([1, Object.freeze({ a: 1 })])]) {
      assert.isTrue(Val.isVal(val))
    }
  })

  for (const [index, [make, found, inner = []]] of culprits.entries()) {
    it(`refuses ${found} (${index}: ${String(make).replace(/\s+/g, " ").slice(0, 60)})`, () => {
      const bare = invalid(make())
      assert.deepStrictEqual(bare.path, inner)
      assert.strictEqual(bare.found, found)
      fc.assert(
        fc.property(shells(), (shells) => {
          const planted = plant(shells, make())
          const error = invalid(planted)
          assert.deepStrictEqual(error.path, [...pathOf(shells), ...inner])
          assert.strictEqual(error.found, found)
          assert.isFalse(Val.isVal(planted))
          const { message, path } = refusal(Val.Val, planted)
          assert.deepStrictEqual(path, error.path)
          assert.strictEqual(message, `not a Val: ${found}`)
        }),
        { numRuns: 10 }
      )
    })
  }

  it("names the first of several culprits", () => {
    assert.deepStrictEqual(invalid([[1], { b: NaN, a: undefined }, undefined]).path, [1, "b"])
    assert.deepStrictEqual(invalid({ a: { [Symbol("s")]: 1 }, b: NaN }).path, ["a"])
    // Integers come first among the keys of an object, symbols last.
    assert.deepStrictEqual(invalid({ b: NaN, 1: undefined }).path, ["1"])
    assert.deepStrictEqual(invalid({ [Symbol("s")]: 1, b: NaN }).path, ["b"])
    assert.deepStrictEqual(invalid(Object.assign([1], { [Symbol("s")]: 1, b: 1 })).path, ["b"])
  })

  it("has a message for people", () => {
    assert.strictEqual(
      invalid({ lines: [0, 1, { price: () => 1 }] }).message,
      `not a Val: function at ["lines"][2].price`
    )
    assert.strictEqual(invalid([{ "unit price": { a1: NaN } }]).message, `not a Val: NaN at [0]["unit price"].a1`)
    assert.strictEqual(invalid(undefined).message, "not a Val: undefined")
  })

  it("is an error like the others", () => {
    const error = invalid(undefined)
    assert.instanceOf(error, Error)
    assert.instanceOf(error, AvmError.InvalidVal)
    assert.deepStrictEqual(Object.keys(Val.InvalidVal.fields), ["_tag", "path", "found"])
    expectTypeOf(error.path).toEqualTypeOf<ReadonlyArray<string | number>>()
    expectTypeOf(Val.fromUnknown).toEqualTypeOf<(input: unknown) => Either.Either<Val.Val, Val.InvalidVal>>()
  })
})

// ---------------------------------------------------------------------------
// the forms
// ---------------------------------------------------------------------------

/** The bytes behind the version, in hexadecimal digits. */
const forms: ReadonlyArray<readonly [name: string, val: Val.Val, json: string, binary: string]> = [
  ["null", null, `null`, "00"],
  ["false", false, `false`, "10"],
  ["true", true, `true`, "20"],
  ["zero", 0, `0`, "01"],
  ["minus zero", -0, `0`, "01"],
  ["the largest number of one byte", 7, `7`, "71"],
  ["the smallest number of two bytes", 8, `8`, "81 01"],
  ["a negative number", -1, `-1`, "02"],
  ["the largest integer with a varint", 2 ** 48 - 1, `281474976710655`, "f1 ff ff ff ff ff ff 07"],
  ["the next integer", 2 ** 48, `281474976710656`, "03 42f0000000000000"],
  ["the smallest integer with a varint", -(2 ** 48), `-281474976710656`, "f2 ff ff ff ff ff ff 07"],
  ["a fraction", -0.5, `-0.5`, "03 bfe0000000000000"],
  ["bigint zero", 0n, `{"$bigint":"0"}`, "04"],
  ["a bigint", 258n, `{"$bigint":"258"}`, "24 0102"],
  ["a negative bigint", -1n, `{"$bigint":"-1"}`, "05"],
  ["another one", -256n, `{"$bigint":"-256"}`, "15 ff"],
  ["text", "né", `"né"`, "36 6e c3a9"],
  ["text with a byte order mark", "\ufeffa", `"\ufeffa"`, "46 efbbbf 61"],
  ["a lone surrogate", "a\ud800", `"a\\ud800"`, "27 6100 00d8"],
  ["bytes", new Uint8Array([1, 255]), `{"$bytes":"Af8="}`, "28 01 ff"],
  ["a reference", ObjectId.make("o1"), `{"$ref":"o1"}`, "09 26 6f31"],
  ["a list", [null, [true]], `[null,[true]]`, "2a 00 1a 20"],
  ["a record", { b: 1, a: {} }, `{"a":{},"b":1}`, "2b 16 61 0b 16 62 11"],
  ["a key __proto__", record([["__proto__", 1]]), `{"__proto__":1}`, "1b 9601 5f5f70726f746f5f5f 11"],
  ["a record like a reference", { $ref: "o1" }, `{"$$ref":"o1"}`, "1b 46 24726566 26 6f31"],
  ["a record like an escaped one", { $$ref: 1 }, `{"$$$ref":1}`, "1b 56 2424726566 11"],
  ["a record with the key $", { $: 1 }, `{"$$":1}`, "1b 16 24 11"],
  ["two keys with $ need no escape", { $ref: 1, $a: 2 }, `{"$a":2,"$ref":1}`, "2b 26 2461 21 46 24726566 11"]
]

const fromHex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits.replaceAll(" ", ""), "hex"))

describe("the JSON form", () => {
  for (const [name, val, json] of forms) {
    it(name, () => {
      assert.strictEqual(encodeJson(val), json)
      assert.isTrue(Val.equals(decodeJson(json), val))
    })
  }

  const malformed: ReadonlyArray<readonly [json: unknown, path: ReadonlyArray<string | number>, message: RegExp]> = [
    [{ $bigint: "1.5" }, [], /whole number/],
    [{ $bigint: 1 }, [], /whole number/],
    [{ $bigint: "" }, [], /whole number/],
    [{ $bigint: "007" }, [], /whole number/],
    [{ $bigint: "-0" }, [], /whole number/],
    [{ $bigint: "0x10" }, [], /whole number/],
    [[1, { $bytes: "A" }], [1], /base64/],
    [[1, { $bytes: "Af9=" }], [1], /base64/],
    [[1, { $bytes: "Af8=\n" }], [1], /base64/],
    [{ a: { $bytes: [1] } }, ["a"], /base64/],
    [{ a: [{ $ref: 1 }] }, ["a", 0], /object id/],
    [{ a: { $map: [] } }, ["a"], /"\$map" is no known tag/],
    [{ a: { $: [] } }, ["a"], /"\$" is no known tag/],
    [{ a: { $$x: [{ $y: 1 }] } }, ["a", "$$x", 0], /"\$y" is no known tag/],
    [{ a: 1n }, ["a"], /not JSON: bigint/],
    [{ a: new Uint8Array() }, ["a"], /not JSON: Uint8Array/],
    [{ a: ObjectId.make("o1") }, ["a"], /not JSON: ObjectId/],
    [{ a: [1, undefined] }, ["a", 1], /not JSON: undefined/],
    [{ a: Infinity }, ["a"], /not JSON: Infinity/],
    [{ a: NaN }, ["a"], /not JSON: NaN/],
    [{ a: new Date(0) }, ["a"], /not JSON: Date/],
    [
      {
        get a() {
          return never()
        }
      },
      ["a"],
      /not JSON: accessor/
    ],
    [cycle(), [0, "self"], /not JSON: cycle/],
    [undefined, [], /not JSON: undefined/]
  ]
  for (const [index, [json, path, message]] of malformed.entries()) {
    it(`is refused at its place (${index}: ${message.source})`, () => {
      const refused = refusal(Val.ValFromJson, json)
      assert.deepStrictEqual(refused.path, path)
      assert.match(refused.message, message)
    })
  }

  it("text that is no JSON, or has a number that is none, is a ParseError", () => {
    assert.match(refusal(Val.Json, "[1,").message, /JSON/)
    assert.deepStrictEqual(refusal(Val.Json, `{"a":[1e999]}`), { path: ["a", 0], message: "not JSON: Infinity" })
    assert.match(refusal(Val.Json, 1).message, /Expected string/)
    assert.deepStrictEqual(refusal(Val.Json, `[{"$ref":null}]`).path, [0])
  })

  it("encoding refuses what is no Val", () => {
    for (
      const encode of [
        ParseResult.encodeUnknownEither(Val.Json),
        ParseResult.encodeUnknownEither(Val.Binary),
        ParseResult.encodeUnknownEither(Val.ValFromJson)
      ]
    ) {
      const issue = Either.getOrThrow(Either.flip(encode({ a: [undefined] })))
      assert.deepStrictEqual(ParseResult.ArrayFormatter.formatIssueSync(issue)[0]?.path, ["a", 0])
    }
  })

  it("__proto__ is a key like others and changes no prototype", () => {
    const json = `{"__proto__":{"polluted":true}}`
    for (
      const decoded of [decodeJson(json), decodeData(JSON.parse(json)), decodeBinary(encodeBinary(decodeJson(json)))]
    ) {
      assert.strictEqual(Object.getPrototypeOf(decoded), Object.prototype)
      assert.deepStrictEqual(Object.keys(Object(decoded)), ["__proto__"])
      assert.isFalse("polluted" in ({} as object))
      assert.isFalse(Val.equals(decoded, {}))
      assert.isFalse(Val.equals({}, decoded))
      assert.strictEqual(Val.format(decoded), json)
    }
  })
})

describe("the binary form", () => {
  for (const [name, val, , digits] of forms) {
    it(name, () => {
      const bytes = fromHex(`01 ${digits}`)
      assert.deepStrictEqual(encodeBinary(val), bytes)
      assert.isTrue(Val.equals(decodeBinary(bytes), val))
    })
  }

  const malformed: ReadonlyArray<readonly [digits: string, message: string]> = [
    ["", "at byte 0: unexpected end"],
    ["02 00", "at byte 0: unknown version"],
    ["01", "at byte 1: unexpected end"],
    ["01 00 00", "at byte 2: more bytes than one value"],
    ["01 30", "at byte 1: unknown constant"],
    ["01 0c", "at byte 1: unknown kind"],
    ["01 8100", "at byte 1: a number in a form that is not the shortest"],
    ["01 f1ffffffffffff08", "at byte 1: a number out of range"],
    ["01 f1ffffffffffffffff01", "at byte 1: a number out of range"],
    [`01 ${"80".repeat(200)} 01`, "at byte 1: a number out of range"],
    ["01 03 7ff8000000000000", "at byte 1: no finite number"],
    ["01 03 8000000000000000", "at byte 1: an integer in the form of other numbers"],
    ["01 13 bfe0000000000000", "at byte 1: a number with an argument"],
    ["01 24 0002", "at byte 1: a bigint with a leading zero"],
    ["01 26 61", "at byte 1: unexpected end"],
    ["01 16 ff", "at byte 1: no UTF-8"],
    // A lone surrogate in the manner of UTF-8, and text in the form for lone surrogates.
    ["01 36 eda080", "at byte 1: no UTF-8"],
    ["01 17 6100", "at byte 1: UTF-16 where UTF-8 would do"],
    ["01 19 26 6f31", "at byte 1: a reference with an argument"],
    ["01 09 00", "at byte 2: a string is wanted"],
    ["01 faffffffffffff07", "at byte 1: unexpected end"],
    ["01 2b 1662 00 1661 00", "at byte 5: keys out of order"],
    ["01 2b 1661 00 1661 00", "at byte 5: keys out of order"],
    ["01 1b 00 00", "at byte 2: a string is wanted"]
  ]
  for (const [digits, message] of malformed) {
    it(`is refused (${digits.slice(0, 24)}: ${message})`, () =>
      assert.deepStrictEqual(refusal(Val.Binary, fromHex(digits)), { path: [], message }))
  }
})

describe("format", () => {
  it("shows a reference as its text and other Vals as JSON", () => {
    assert.strictEqual(Val.format(ObjectId.make("o1")), "o1")
    assert.strictEqual(Val.format("o1"), "\"o1\"")
    assert.strictEqual(
      Val.format({ b: [ObjectId.make("o1")], a: 1n }),
      `{"a":{"$bigint":"1"},"b":[{"$ref":"o1"}]}`
    )
  })
})

// ---------------------------------------------------------------------------
// deep, cyclic, shared
// ---------------------------------------------------------------------------

const depth = 100_000

/** Lists, records, and records that need an escape in JSON, by turns. */
const nest = (innermost: unknown): unknown => {
  let nested = innermost
  for (let i = 0; i < depth; i++) nested = i % 3 === 0 ? [nested] : i % 3 === 1 ? { a: nested } : { $a: nested }
  return nested
}

describe("deep data", () => {
  it("overflows nothing", () => {
    // Vals in a Val: there is nothing else in it.
    const make = (innermost: Val.Val): Val.Val => nest(innermost) as Val.Val
    const [self, that, other] = [make(1n), make(1n), make(2n)]
    assert.isTrue(Val.isVal(self))
    assert.isTrue(Val.equals(self, that))
    assert.isFalse(Val.equals(self, other))
    assert.strictEqual(Val.hash(self), Val.hash(that))
    assert.notStrictEqual(Val.hash(self), Val.hash(other))
    const text = encodeJson(self)
    assert.isTrue(Val.format(that) === text)
    assert.isTrue(Val.equals(decodeJson(text), that))
    assert.isTrue(Val.equals(decodeData(encodeData(self)), that))
    assert.isTrue(Val.equals(decodeBinary(encodeBinary(self)), that))
  })

  it("with a culprit at the bottom is refused at its place", () => {
    const planted = nest(undefined)
    const error = invalid(planted)
    assert.strictEqual(error.found, "undefined")
    assert.strictEqual(error.path.length, depth)
    // The outermost is a list: 99,999 is a multiple of 3.
    assert.deepStrictEqual(error.path.slice(0, 4), [0, "$a", "a", 0])
    assert.strictEqual(refusal(Val.ValFromJson, planted).message, "not JSON: undefined")
  })

  it("that ends too early is no JSON and no bytes", () => {
    assert.match(refusal(Val.Json, "[".repeat(depth)).message, /JSON/)
    assert.match(refusal(Val.Binary, new Uint8Array(depth).fill(0x1a).fill(1, 0, 1)).message, /unexpected end/)
  })

  it("a cycle is found where it closes, however long it is", () => {
    const innermost: Array<unknown> = []
    innermost.push(nest(innermost))
    const error = invalid(innermost)
    assert.strictEqual(error.found, "cycle")
    assert.strictEqual(error.path.length, depth + 1)
  })
})

describe("shared parts", () => {
  it("are no cycle, and cost no more than once to check", () => {
    // As trees they have 2^30 and 2^200 leaves.
    for (const levels of [30, 200]) {
      let val: Val.Val = [1]
      for (let i = 0; i < levels; i++) val = i % 2 === 0 ? [val, val] : { a: val, b: val }
      assert.isTrue(Val.isVal(val))
      assert.deepStrictEqual(invalid([val, undefined]).path, [1])
    }
  })

  it("are a value at each place", () => {
    const part = { a: [1] }
    assert.strictEqual(encodeJson([part, part]), `[{"a":[1]},{"a":[1]}]`)
    assert.isTrue(Val.equals([part, part], [part, { a: [1] }]))
  })
})

describe("wide data", () => {
  it("survives", () => {
    const list = Array.from({ length: 100_000 }, (_, index) => index % 3 === 0 ? [index] : index)
    const wide: Val.Val = { list, bytes: new Uint8Array(100_000).fill(7), text: "é\ud800".repeat(50_000) }
    assert.isTrue(Val.isVal(wide))
    assert.isTrue(Val.equals(decodeBinary(encodeBinary(wide)), wide))
    assert.isTrue(Val.equals(decodeJson(encodeJson(wide)), wide))
    assert.deepStrictEqual(invalid([...list, NaN]).path, [list.length])
  })
})

describe("types", () => {
  it("say what is encoded", () => {
    expectTypeOf(Val.Val).toEqualTypeOf<Schema.Schema<Val.Val>>()
    expectTypeOf(Val.Json).toEqualTypeOf<Schema.Schema<Val.Val, string>>()
    expectTypeOf(Val.Binary).toEqualTypeOf<Schema.Schema<Val.Val, Uint8Array>>()
    expectTypeOf(Val.ValFromJson).toEqualTypeOf<Schema.Schema<Val.Val, unknown>>()
    expectTypeOf(Val.hash).toEqualTypeOf<(val: Val.Val) => number>()
    const take = (val: Val.Val): boolean => Val.isVal(val)
    // @ts-expect-error a date is no Val
    assert.isFalse(take(new Date(0)))
    // @ts-expect-error a function is no Val
    assert.isFalse(take({ price: () => 1 }))
  })
})
