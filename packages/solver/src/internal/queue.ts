/**
 * The propagators that wait for their turn: a ring, with each of them in it at most once.
 */
import type { Propagator } from "./propagator.js"

export class Queue {
  private ring: Array<Propagator | undefined> = Array.from({ length: 64 })
  private mask = 63
  private head = 0
  private tail = 0

  get isEmpty(): boolean {
    return this.head === this.tail
  }

  reserve(count: number): void {
    if (count <= this.ring.length) return
    const waiting: Array<Propagator> = []
    while (!this.isEmpty) waiting.push(this.take())
    let length = this.ring.length
    while (length < count) length *= 2
    this.ring = Array.from({ length })
    this.mask = length - 1
    this.head = this.tail = 0
    for (const propagator of waiting) this.add(propagator)
  }

  add(propagator: Propagator): void {
    propagator.queued = true
    this.ring[this.tail & this.mask] = propagator
    this.tail++
  }

  take(): Propagator {
    const propagator = this.ring[this.head & this.mask] as Propagator // the queue is not empty
    this.head++
    propagator.queued = false
    return propagator
  }

  clear(): void {
    while (this.head < this.tail) this.take()
    this.head = this.tail = 0
  }
}
