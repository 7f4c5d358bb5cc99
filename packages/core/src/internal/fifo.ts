/**
 * A queue with cheap ends: an array that is read from a moving head, and compacted now and then.
 *
 * (A `Map` in order of insertion is none: the entries deleted at its head are walked over by whoever asks for the first.)
 */
export class Fifo<A> {
  private items: Array<A> = []
  private head = 0

  get length(): number {
    return this.items.length - this.head
  }

  push(item: A): void {
    this.items.push(item)
  }

  at(index: number): A | undefined {
    return this.items[this.head + index]
  }

  shift(): A | undefined {
    if (this.head >= this.items.length) return undefined
    const item = this.items[this.head]
    this.head++
    this.compact()
    return item
  }

  /** Takes the item at an index out; it should be near the head. */
  take(index: number): A | undefined {
    if (index === 0) return this.shift()
    return this.items.splice(this.head + index, 1)[0]
  }

  *[Symbol.iterator](): Iterator<A> {
    // There are no holes between the head and the end.
    for (let n = this.head; n < this.items.length; n++) yield this.items[n] as A
  }

  private compact(): void {
    if (this.head < 64 || this.head * 2 < this.items.length) return
    this.items.splice(0, this.head)
    this.head = 0
  }
}
