/**
 * The snapshots of a store that are held. They are taken in the order of their versions, so the oldest is the first.
 */
export class Held {
  private readonly versions: Array<number> = []
  private readonly counts: Array<number> = []

  /** No snapshot is held. */
  get isEmpty(): boolean {
    return this.versions.length === 0
  }

  get oldest(): number | undefined {
    return this.versions[0]
  }

  take(version: number): void {
    const last = this.versions.length - 1
    if (this.versions[last] === version) this.counts[last] = (this.counts[last] ?? 0) + 1
    else {
      this.versions.push(version)
      this.counts.push(1)
    }
  }

  /** Answers whether the version is not held any more; one that was not held is none's loss. */
  release(version: number): boolean {
    const at = this.versions.lastIndexOf(version)
    const count = this.counts[at]
    if (count === undefined) return false
    if (count > 1) {
      this.counts[at] = count - 1
      return false
    }
    this.versions.splice(at, 1)
    this.counts.splice(at, 1)
    return true
  }
}
