/**
 * The binary form of a `Val`: a version byte, then the value. One Val has one form, up to `equals`, and the decoder
 * takes no other: bytes can be compared, hashed and signed in place of the data.
 *
 * A value starts with a head, the varint (7 bits a byte, lowest first) of `argument * 16 + kind`:
 *
 * | kind | argument | followed by |
 * |---|---|---|
 * | 0 constant | 0 null, 1 false, 2 true | |
 * | 1 integer n >= 0, 2 integer n < 0 | n, -1 - n; below 2^48 | |
 * | 3 any other number | 0 | 8 bytes, IEEE 754, high byte first; -0 is the integer 0 |
 * | 4 bigint n >= 0, 5 bigint n < 0 | number of bytes | n, -1 - n, high byte first, no leading zero |
 * | 6 string | number of bytes | UTF-8 |
 * | 7 string with lone surrogates | number of code units | UTF-16, low byte first |
 * | 8 bytes | number of bytes | the bytes |
 * | 9 reference | 0 | its text, a string |
 * | 10 list | number of elements | the elements |
 * | 11 record | number of keys | key (a string), value; keys in ascending order of UTF-16 code units |
 *
 * Pinned by `test/core/Val.test.ts`, "the binary form".
 */
import { isObjectId, make as makeObjectId } from "../ObjectId.js"
import type { Val } from "../Val.js"
import { type Leaf, Malformed, parseBigInt, put, type Visitor, walk } from "./valWalk.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

const version = 1

const Kind = {
  constant: 0,
  positive: 1,
  negative: 2,
  float: 3,
  positiveBig: 4,
  negativeBig: 5,
  utf8: 6,
  utf16: 7,
  bytes: 8,
  reference: 9,
  list: 10,
  record: 11
} as const

/** Heads are exact as numbers: 2^48 arguments times 16 kinds stay below 2^53. */
const argumentLimit = 2 ** 48

const isSmallInteger = (n: number): boolean => Number.isInteger(n) && n < argumentLimit && n >= -argumentLimit

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

export const encode = (val: Val): Uint8Array => {
  writer.begin()
  writer.byte(version)
  walk(val, writing)
  return writer.written()
}

/** Throws `Malformed`. */
export const decode = (input: Uint8Array): Val => {
  const reader = new Reader(input)
  if (reader.byte() !== version) throw reader.malformed(0, "unknown version")
  const open: Array<Container> = []
  while (true) {
    let val: Val
    const part = reader.part()
    if (part instanceof Container) {
      open.push(part)
      val = part.target
    } else {
      val = part
      const top = open.at(-1)
      if (top !== undefined) top.add(val)
    }
    let top = open.at(-1)
    while (top !== undefined && top.left === 0) {
      val = top.target
      open.pop()
      top = open.at(-1)
      if (top !== undefined) top.add(val)
    }
    if (top === undefined) {
      reader.end()
      return val
    }
    top.key = top.isRecord ? reader.key(top.key) : undefined
  }
}

// ---------------------------------------------------------------------------
// internal: writing
// ---------------------------------------------------------------------------

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }) }

/** In a pattern with the flag `u` a pair is one character, so only lone surrogates match. */
const loneSurrogate = /\p{Surrogate}/u

/** Bytes that are kept for the next one. */
const usual = 4096

class Writer {
  private bytes = new Uint8Array(usual)
  private at = 0

  begin(): void {
    this.at = 0
  }

  written(): Uint8Array {
    const written = this.bytes.slice(0, this.at)
    if (this.bytes.length > usual) this.bytes = new Uint8Array(usual)
    return written
  }

  byte(byte: number): void {
    this.reserve(1)
    this.bytes[this.at++] = byte
  }

  head(kind: number, argument: number): void {
    let rest = argument * 16 + kind
    while (rest > 127) {
      this.byte(rest % 128 + 128)
      rest = Math.floor(rest / 128)
    }
    this.byte(rest)
  }

  leaf(leaf: Leaf): void {
    switch (typeof leaf) {
      case "boolean":
        return this.head(Kind.constant, leaf ? 2 : 1)
      case "number":
        return this.number(leaf)
      case "bigint":
        return this.bigint(leaf)
      case "string":
        return this.text(leaf)
    }
    if (leaf === null) return this.head(Kind.constant, 0)
    if (isObjectId(leaf)) {
      this.head(Kind.reference, 0)
      return this.text(leaf.value)
    }
    this.head(Kind.bytes, leaf.length)
    this.raw(leaf)
  }

  text(text: string): void {
    if (this.ascii(text)) return
    if (loneSurrogate.test(text)) {
      this.head(Kind.utf16, text.length)
      this.reserve(text.length * 2)
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i)
        this.bytes[this.at++] = unit & 0xff
        this.bytes[this.at++] = unit >> 8
      }
    } else {
      const encoded = utf8.encoder.encode(text)
      this.head(Kind.utf8, encoded.length)
      this.raw(encoded)
    }
  }

  /** The short cut for names and the like; leaves nothing behind where it does not apply. */
  private ascii(text: string): boolean {
    if (text.length > 64) return false
    const before = this.at
    this.head(Kind.utf8, text.length)
    this.reserve(text.length)
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 127) {
        this.at = before
        return false
      }
      this.bytes[this.at++] = unit
    }
    return true
  }

  private number(n: number): void {
    if (isSmallInteger(n)) return n >= 0 ? this.head(Kind.positive, n) : this.head(Kind.negative, -1 - n)
    this.head(Kind.float, 0)
    this.reserve(8)
    new DataView(this.bytes.buffer).setFloat64(this.at, n)
    this.at += 8
  }

  private bigint(n: bigint): void {
    const magnitude = n < 0n ? -1n - n : n
    const digits = magnitude === 0n ? "" : magnitude.toString(16)
    const length = Math.ceil(digits.length / 2)
    const even = digits.padStart(length * 2, "0")
    this.head(n < 0n ? Kind.negativeBig : Kind.positiveBig, length)
    this.reserve(length)
    for (let i = 0; i < length; i++) this.bytes[this.at++] = parseInt(even.slice(i * 2, i * 2 + 2), 16)
  }

  private raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  private reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return
    const bytes = new Uint8Array(Math.max(this.bytes.length * 2, this.at + count))
    bytes.set(this.bytes)
    this.bytes = bytes
  }
}

/** One for all: a walk over data asks nobody, so none begins before another is over. */
const writer = new Writer()

const writing: Visitor = {
  leaf: (leaf) => writer.leaf(leaf),
  open: ({ keys, values }) => writer.head(keys === undefined ? Kind.list : Kind.record, values.length),
  next: ({ keys }, index) => {
    if (keys !== undefined) writer.text(keys[index])
  },
  close: () => {}
}

// ---------------------------------------------------------------------------
// internal: reading
// ---------------------------------------------------------------------------

/** A list or record of which `left` parts are still to come. */
class Container {
  readonly target: Array<Val> | Record<string, Val>
  /** The key of the next part, or of the last one. */
  key: string | undefined = undefined

  constructor(readonly isRecord: boolean, public left: number) {
    this.target = isRecord ? {} : []
  }

  add(val: Val): void {
    this.left--
    if (Array.isArray(this.target)) this.target.push(val)
    else if (this.key !== undefined) put(this.target, this.key, val)
  }
}

class Reader {
  private at = 0

  constructor(private readonly input: Uint8Array) {}

  malformed(at: number, reason: string): Malformed {
    return new Malformed([], `at byte ${at}: ${reason}`)
  }

  end(): void {
    if (this.at < this.input.length) throw this.malformed(this.at, "more bytes than one value")
  }

  byte(): number {
    if (this.at >= this.input.length) throw this.malformed(this.at, "unexpected end")
    return this.input[this.at++]
  }

  /** A value, or the start of one. */
  part(): Val | Container {
    const at = this.at
    const { argument, kind } = this.head()
    switch (kind) {
      case Kind.constant:
        if (argument > 2) throw this.malformed(at, "unknown constant")
        return argument === 0 ? null : argument === 2
      case Kind.positive:
        return argument
      case Kind.negative:
        return -1 - argument
      case Kind.float:
        return this.float(at, argument)
      case Kind.positiveBig:
        return this.bigint(at, argument)
      case Kind.negativeBig:
        return -1n - this.bigint(at, argument)
      case Kind.utf8:
      case Kind.utf16:
        return this.text(at, kind, argument)
      case Kind.bytes:
        return new Uint8Array(this.raw(at, argument))
      case Kind.reference:
        if (argument !== 0) throw this.malformed(at, "a reference with an argument")
        return makeObjectId(this.string())
      case Kind.list:
      case Kind.record:
        // A part has at least one byte, a key another one: no memory for parts that cannot follow.
        if (argument * (kind === Kind.list ? 1 : 2) > this.input.length - this.at) {
          throw this.malformed(at, "unexpected end")
        }
        return new Container(kind === Kind.record, argument)
      default:
        throw this.malformed(at, "unknown kind")
    }
  }

  /** A key of a record, which comes after `previous`. */
  key(previous: string | undefined): string {
    const at = this.at
    const key = this.string()
    if (previous !== undefined && key <= previous) throw this.malformed(at, "keys out of order")
    return key
  }

  private head(): { readonly kind: number; readonly argument: number } {
    const at = this.at
    let head = 0
    let scale = 1
    let byte = this.byte()
    while (byte > 127) {
      head += (byte - 128) * scale
      scale *= 128
      if (scale >= argumentLimit * 16) throw this.malformed(at, "a number out of range")
      byte = this.byte()
      if (byte === 0) throw this.malformed(at, "a number in a form that is not the shortest")
    }
    head += byte * scale
    if (head >= argumentLimit * 16) throw this.malformed(at, "a number out of range")
    return { kind: head % 16, argument: Math.floor(head / 16) }
  }

  private raw(at: number, length: number): Uint8Array {
    if (length > this.input.length - this.at) throw this.malformed(at, "unexpected end")
    this.at += length
    return this.input.subarray(this.at - length, this.at)
  }

  private string(): string {
    const at = this.at
    const { argument, kind } = this.head()
    if (kind !== Kind.utf8 && kind !== Kind.utf16) throw this.malformed(at, "a string is wanted")
    return this.text(at, kind, argument)
  }

  private text(at: number, kind: number, length: number): string {
    const raw = this.raw(at, kind === Kind.utf8 ? length : length * 2)
    if (kind === Kind.utf8) return asciiText(raw) ?? this.utf8(at, raw)
    let text = ""
    for (let i = 0; i < raw.length; i += 2) text += String.fromCharCode(raw[i] + raw[i + 1] * 256)
    if (!loneSurrogate.test(text)) throw this.malformed(at, "UTF-16 where UTF-8 would do")
    return text
  }

  private utf8(at: number, raw: Uint8Array): string {
    try {
      return utf8.decoder.decode(raw)
    } catch {
      throw this.malformed(at, "no UTF-8")
    }
  }

  private float(at: number, argument: number): number {
    if (argument !== 0) throw this.malformed(at, "a number with an argument")
    const raw = this.raw(at, 8)
    const float = new DataView(raw.buffer, raw.byteOffset, 8).getFloat64(0)
    if (!Number.isFinite(float)) throw this.malformed(at, "no finite number")
    if (isSmallInteger(float)) throw this.malformed(at, "an integer in the form of other numbers")
    return float
  }

  private bigint(at: number, length: number): bigint {
    const raw = this.raw(at, length)
    if (raw[0] === 0) throw this.malformed(at, "a bigint with a leading zero")
    let digits = "0x0"
    for (let i = 0; i < length; i++) digits += raw[i].toString(16).padStart(2, "0")
    const bigint = parseBigInt(digits)
    if (bigint === undefined) throw this.malformed(at, "a bigint too long for this platform")
    return bigint
  }
}

const asciiText = (raw: Uint8Array): string | undefined => {
  if (raw.length > 64) return undefined
  let text = ""
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] > 127) return undefined
    text += String.fromCharCode(raw[i])
  }
  return text
}
