/**
 * Let through what is new: each event once and in order, each state only if newer. As src/audifi/sdk/live/order.py.
 *
 * Invariant: `last` never falls, and every event between two snapshots is let through exactly once.
 */
import { numberIn, type Frame } from "./signals.ts";

export class Order {
  /** The newest event the application saw; null before the first snapshot. */
  last: number | null = null;
  readonly #held = new Map<number, Frame>();
  readonly #versions = new Map<string, number>();

  get hasGap(): boolean {
    return this.last !== null && this.#held.size > 0;
  }

  /** What may be delivered now. */
  event(frame: Frame): Frame[] {
    const seq = numberIn(frame, "seq");
    if (seq !== null && (this.last === null || seq > this.last)) this.#held.set(seq, frame);
    return this.#released();
  }

  /** The snapshot and what it releases; nothing of a snapshot older than what was seen. */
  snapshot(frame: Frame): Frame[] {
    const seq = numberIn(frame, "seq");
    if (seq === null || (this.last !== null && seq < this.last)) return [];
    this.last = seq;
    return [frame, ...this.#released()];
  }

  /** The state's key if this is newer than what was seen. */
  state(frame: Frame): string | null {
    const key = frame["decisionId"] === undefined ? frame.type : `${frame.type}:${String(frame["decisionId"])}`;
    const version = numberIn(frame, "version") ?? 0;
    if (version <= (this.#versions.get(key) ?? -1)) return null;
    this.#versions.set(key, version);
    return key;
  }

  /** A new connection replays them. */
  forgetHeld(): void {
    this.#held.clear();
  }

  /** Take the next snapshot for the beginning. */
  restart(): void {
    this.last = null;
    this.#held.clear();
  }

  #released(): Frame[] {
    if (this.last === null) return [];
    for (const seq of this.#held.keys()) if (seq <= this.last) this.#held.delete(seq);
    const released: Frame[] = [];
    for (let next = this.#held.get(this.last + 1); next !== undefined; next = this.#held.get(this.last + 1)) {
      released.push(next);
      this.last += 1;
      this.#held.delete(this.last);
    }
    return released;
  }
}
