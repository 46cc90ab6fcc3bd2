/**
 * Decide what a client of a live session does next: connect, resume, resend, give up. No clock, no I/O.
 *
 *     outputs = machine.take(nowMs, input)      // and again with {kind: "tick"} when nowMs reaches machine.wakeAt
 *
 * The same machine as src/audifi/sdk/live/machine.py, which explains it; tests/vectors/live holds both to it.
 * Invariant: after `closed` nothing comes out but refusals; randomness comes from the caller.
 */
import * as backoff from "./backoff.ts";
import { Order } from "./order.ts";
import { CODES, EVENTS, FINAL_CODES, MISSES_MAX, OVERLOAD, PING_S, PONG_S, STATES } from "./protocol.ts";
import { numberIn, type Frame, type Input, type Output, type Phase, type Transport } from "./signals.ts";

const PING_MS = PING_S * 1000;
const PONG_MS = PONG_S * 1000;
const OPEN_MS = 10_000;
const JOIN_MS = 10_000;
const STABLE_MS = 5_000;
const GAP_MS = 5_000;
const ACT_MS = 30_000;
const RETURN_MS = 60_000;
const SOCKET_FAILURES_MAX = 3;
const BUSY: readonly number[] = [408, 425, 429];
const BUSY_CODES: readonly string[] = ["CONFLICT", "REQUEST_IN_PROGRESS"];

/** One connection. */
class Link {
  /** Open; and nothing heard by then: ask, or give up. */
  quietAt: number | null = null;
  /** Unanswered. */
  pings = 0;
  liveSince: number | null = null;
  /** Its pod drains. */
  leaveAt: number | null = null;
  gapAt: number | null = null;
  readonly attempt: number;
  readonly transport: Transport;
  /** Unless open, then unless live, by then. */
  giveUpAt: number | null;

  constructor(attempt: number, transport: Transport, giveUpAt: number) {
    this.attempt = attempt;
    this.transport = transport;
    this.giveUpAt = giveUpAt;
  }

  get joinId(): string {
    return `join-${this.attempt}`;
  }
}

/** What the application waits for. */
interface Pending {
  readonly frame: Frame;
  readonly giveUpAt: number;
  /** Over HTTP, and not answered yet. */
  isCalled: boolean;
}

export class Machine {
  state: Phase = "connecting";
  readonly #random: () => number;
  readonly #order = new Order();
  readonly #pending = new Map<string, Pending>();
  #attempts = 0;
  #link: Link | null = null;
  /** A socket that is tried beside a stream. */
  #probe: Link | null = null;
  #connectAt: number | null = null;
  #probeAt: number | null = null;
  #tries = 0;
  #socketFailures = 0;
  #out: Output[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Say what follows from this. */
  take(now: number, given: Input): Output[] {
    this.#out = [];
    if (this.state !== "closed") this.#take(now, given);
    else if (given.kind === "act" && given.requestId !== undefined)
      this.#settle(given.requestId, unavailable(given.requestId, "the connection is closed"));
    return this.#out;
  }

  /** When the next tick is due. */
  get wakeAt(): number | null {
    if (this.state === "closed") return null;
    const due = [this.#connectAt, this.#probeAt, ...[...this.#pending.values()].map((each) => each.giveUpAt)];
    for (const link of [this.#link, this.#probe])
      if (link !== null) due.push(link.giveUpAt, link.leaveAt, link.gapAt, link.quietAt);
    const moments = due.filter((each) => each !== null);
    return moments.length === 0 ? null : Math.min(...moments);
  }

  #take(now: number, given: Input): void {
    switch (given.kind) {
      case "start":
        this.#out.push({ kind: "state", state: "connecting", reason: "" });
        return this.#connect(now);
      case "tick":
        return this.#tick(now);
      case "opened":
        return this.#opened(now, given.attempt);
      case "refused":
        return this.#refused(now, given);
      case "closed":
        return this.#closed(now, given.attempt, given.code);
      case "frame":
        this.#heard(now, given.attempt);
        return this.#framed(now, given.attempt, given.frame);
      case "heard":
        return this.#heard(now, given.attempt);
      case "act":
        return this.#act(now, given.frame, given.requestId);
      case "answered":
        return this.#settle(given.requestId, given.frame);
      case "behind":
        this.#order.restart();
        return this.#askAgain(now);
      case "leave":
        return this.#end("left");
    }
  }

  // Connections.

  #connect(now: number): void {
    this.#connectAt = null;
    this.#order.forgetHeld();
    this.#link = this.#newLink(now, this.#socketFailures >= SOCKET_FAILURES_MAX ? "stream" : "socket");
  }

  #newLink(now: number, transport: Transport): Link {
    this.#attempts += 1;
    this.#out.push({ kind: "connect", attempt: this.#attempts, transport, lastSeq: this.#order.last });
    return new Link(this.#attempts, transport, now + OPEN_MS);
  }

  #opened(now: number, attempt: number): void {
    if (this.#probe?.attempt === attempt) {
      if (this.#link !== null) this.#out.push({ kind: "drop", attempt: this.#link.attempt });
      this.#link = this.#probe;
      this.#probe = null;
      this.#order.forgetHeld();
    }
    const link = this.#link;
    if (link?.attempt !== attempt) return;
    link.quietAt = now + PING_MS;
    link.giveUpAt = now + JOIN_MS;
    if (link.transport === "socket") this.#join(link);
    else if (this.#order.last !== null) this.#goLive(now, link);
  }

  #join(link: Link): void {
    const last = this.#order.last;
    const frame = { type: "join", requestId: link.joinId }; // who missed nothing hears only the ack
    this.#write(link, last === null ? frame : { ...frame, lastSeq: last });
  }

  #refused(now: number, given: Input & { kind: "refused" }): void {
    const status = given.status ?? 0;
    const code = given.code ?? "";
    const isBusy = status === 503 || BUSY.includes(status) || BUSY_CODES.includes(code);
    if (this.#probe?.attempt === given.attempt) this.#forgetProbe(now);
    else if (this.#link?.attempt !== given.attempt) return;
    else if (code && status >= 400 && status < 500 && !isBusy) {
      this.#link = null;
      this.#end(code === "INVALID_STATE" ? "session_over" : code.toLowerCase());
    } else this.#lost(now, this.#link, given.retryAfterMs ?? 0, !isBusy);
  }

  #closed(now: number, attempt: number, code: number): void {
    if (this.#probe?.attempt === attempt) this.#forgetProbe(now);
    else if (this.#link?.attempt !== attempt) return;
    else if (FINAL_CODES.includes(code)) {
      this.#link = null;
      this.#end(nameOf(code));
    } else this.#lost(now, this.#link, code === OVERLOAD ? backoff.FIRST_MS : 0);
  }

  /** Plan the next connection. */
  #lost(now: number, link: Link, floor = 0, isFailure = true): void {
    this.#link = null;
    this.#probeAt = null;
    this.#count(link, now, isFailure);
    if (this.state === "live") this.#become("reconnecting");
    if (this.#probe !== null) {
      this.#link = this.#probe; // already on its way
      this.#probe = null;
      this.#order.forgetHeld();
      return;
    }
    if (this.#tries >= backoff.TRIES_MAX) return this.#end("unreachable");
    const isSpread = link.leaveAt !== null && this.#tries === 0; // by the pod that drains, which knows how many we are
    const least = Math.max(floor, (link.leaveAt || now) - now);
    const wait = isSpread ? least : least + backoff.pauseMs(this.#tries, this.#random());
    this.#tries += 1;
    this.#connectAt = now + wait;
  }

  #count(link: Link, now: number, isFailure: boolean): void {
    if (link.liveSince !== null && now - link.liveSince >= STABLE_MS) this.#tries = 0;
    if (link.transport === "stream") this.#socketFailures = SOCKET_FAILURES_MAX - 1; // a socket next, then a stream
    else if (link.liveSince === null && isFailure) this.#socketFailures += 1;
  }

  #drop(now: number, link: Link): void {
    this.#out.push({ kind: "drop", attempt: link.attempt });
    this.#lost(now, link);
  }

  #forgetProbe(now: number): void {
    this.#probe = null;
    this.#probeAt = now + RETURN_MS + Math.floor(this.#random() * RETURN_MS);
  }

  #end(reason: string): void {
    for (const link of [this.#link, this.#probe])
      if (link !== null) this.#out.push({ kind: "drop", attempt: link.attempt });
    for (const requestId of [...this.#pending.keys()])
      this.#settle(requestId, unavailable(requestId, `the connection is closed: ${reason}`));
    this.#become("closed", reason);
  }

  // Time.

  #tick(now: number): void {
    for (const [requestId, pending] of [...this.#pending])
      if (now >= pending.giveUpAt)
        this.#settle(requestId, unavailable(requestId, `no answer within ${ACT_MS / 1000} s`));
    if (this.#link !== null) this.#tickLink(now, this.#link);
    if (isDue(now, this.#connectAt)) this.#connect(now);
    if (this.#probe !== null && isDue(now, this.#probe.giveUpAt)) {
      this.#out.push({ kind: "drop", attempt: this.#probe.attempt });
      this.#forgetProbe(now);
    }
    if (isDue(now, this.#probeAt)) {
      this.#probeAt = null;
      this.#probe = this.#newLink(now, "socket");
    }
  }

  #tickLink(now: number, link: Link): void {
    const isQuiet = isDue(now, link.quietAt);
    const isDead = isQuiet && link.pings >= MISSES_MAX;
    if (isDead || isDue(now, link.giveUpAt) || isDue(now, link.leaveAt) || isDue(now, link.gapAt)) {
      this.#drop(now, link);
    } else if (isQuiet) {
      link.quietAt = now + PONG_MS;
      link.pings += 1;
      this.#write(link, { type: "ping" });
    }
  }

  // What the server says.

  #heard(now: number, attempt: number): void {
    if (this.#link?.attempt !== attempt) return;
    this.#link.quietAt = now + PING_MS;
    this.#link.pings = 0;
  }

  #framed(now: number, attempt: number, frame: Frame): void {
    const link = this.#link;
    if (link?.attempt !== attempt) return;
    if (frame.type === "error" && frame["requestId"] === link.joinId) return this.#keptOut(now, link, frame);
    if (frame.type === "reconnect") link.leaveAt = now + (numberIn(frame, "afterMs") ?? 0);
    else if (link.liveSince === null && saysLive(frame.type, this.#order.last !== null)) this.#goLive(now, link);
    if (frame.type === "session_state") this.#deliver(now, link, this.#order.snapshot(frame));
    else if (EVENTS.has(frame.type)) this.#deliver(now, link, this.#order.event(frame));
    else if (STATES.has(frame.type)) {
      const key = this.#order.state(frame);
      if (key !== null) this.#out.push({ kind: "update", key, frame });
    } else if (["vote_ack", "ack", "error"].includes(frame.type) && frame["requestId"] !== undefined)
      this.#settle(String(frame["requestId"]), frame);
  }

  /** Admitted, but not let into the room. */
  #keptOut(now: number, link: Link, frame: Frame): void {
    const code = numberIn(frame, "code");
    this.#out.push({ kind: "drop", attempt: link.attempt });
    if (code !== null && FINAL_CODES.includes(code)) {
      this.#link = null;
      this.#end(nameOf(code));
    } else this.#lost(now, link, 1000 * (numberIn(frame, "retryAfter") ?? 0), false);
  }

  #goLive(now: number, link: Link): void {
    link.liveSince = now;
    link.giveUpAt = null;
    if (link.transport === "socket") this.#socketFailures = 0;
    else this.#probeAt = now + RETURN_MS + Math.floor(this.#random() * RETURN_MS);
    if (this.state !== "live") this.#become("live");
    for (const [requestId, pending] of this.#pending) this.#send(link, requestId, pending);
  }

  #deliver(now: number, link: Link, frames: Frame[]): void {
    for (const frame of frames) this.#out.push({ kind: "deliver", frame });
    if (!this.#order.hasGap) link.gapAt = null;
    else if (link.gapAt === null) {
      link.gapAt = now + GAP_MS;
      this.#askAgain(now);
    }
  }

  /** Have what is missing sent: a socket can ask, a stream begins anew. */
  #askAgain(now: number): void {
    const link = this.#link;
    if (link === null || link.quietAt === null) return; // it will ask when it is open
    if (link.transport === "socket") this.#join(link);
    else this.#drop(now, link);
  }

  // What the application does.

  #act(now: number, frame: Frame, requestId?: string): void {
    const link = this.#link?.liveSince == null ? null : this.#link;
    if (requestId === undefined) {
      if (link !== null) this.#write(link, frame);
      return;
    }
    const pending = { frame: { ...frame, requestId }, giveUpAt: now + ACT_MS, isCalled: false };
    this.#pending.set(requestId, pending);
    if (link !== null) this.#send(link, requestId, pending);
  }

  #send(link: Link, requestId: string, pending: Pending): void {
    if (pending.isCalled) return; // its answer is on the way
    if (link.transport === "socket") return this.#write(link, pending.frame);
    pending.isCalled = true;
    this.#out.push({ kind: "call", requestId, frame: pending.frame });
  }

  #settle(requestId: string, frame: Frame): void {
    if (this.#pending.delete(requestId) || this.state === "closed")
      this.#out.push({ kind: "settle", requestId, frame });
  }

  #write(link: Link, frame: Frame): void {
    if (link.transport === "socket") this.#out.push({ kind: "write", attempt: link.attempt, frame });
  }

  #become(state: Phase, reason = ""): void {
    this.state = state;
    this.#out.push({ kind: "state", state, reason });
  }
}

/** Whether a frame shows that the join was answered. */
function saysLive(type: string, hasSnapshot: boolean): boolean {
  return type === "session_state" || (hasSnapshot && type !== "error" && type !== "pong");
}

function isDue(now: number, moment: number | null): boolean {
  return moment !== null && now >= moment;
}

function nameOf(code: number): string {
  return (Object.entries(CODES).find(([, each]) => each === code)?.[0] ?? String(code)).toLowerCase();
}

function unavailable(requestId: string, message: string): Frame {
  return { type: "error", code: CODES.UNAVAILABLE, message, requestId };
}
