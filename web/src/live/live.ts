/**
 * A live session for an application: events in order, states, actions that are answered.
 *
 *     const live = new Live({ api: "https://api.audifi.io", sessionId, token, onEvent, onUpdate, onState });
 *     const ack = await live.vote(decisionId, { choice: optionId });
 *     live.close();
 *
 * The machine decides; here are the clock, the chance and the connections.
 * Invariant: `onEvent` sees a snapshot first, then every event once and in order, or another snapshot in place of what
 * was missed. `onState` is called for every change: connecting, live, reconnecting, closed (with its reason).
 * Errors: actions reject with a LiveRefusal; nothing else throws.
 */
import { Api, errorFrame } from "./api.ts";
import { Socket, Stream, type Connection } from "./connections.ts";
import type { Ballot, Event, Snapshot, State, VoteAck } from "./frames.ts";
import { Machine } from "./machine.ts";
import type { Reaction } from "./protocol.ts";
import { numberIn, type Frame, type Input, type Output, type Phase } from "./signals.ts";

export interface Options {
  /** Where the API answers: https://api.audifi.io */
  readonly api: string;
  readonly sessionId: string;
  /** The access token as it is now; asked for every connection and call. */
  readonly token: () => string | Promise<string>;
  /** Less than what one is. */
  readonly role?: string;
  /** Connect here and say the token in the first message, instead of asking for a ticket. */
  readonly bareUrl?: string;
  readonly onEvent?: (frame: Snapshot | Event) => void;
  readonly onUpdate?: (key: string, frame: State) => void;
  readonly onState?: (state: Phase, reason: string) => void;
  /** In [0, 1). */
  readonly random?: () => number;
}

/** An action was refused; `code` is one of CODES. */
export class LiveRefusal extends Error {
  readonly code: number;
  /** Seconds. */
  readonly retryAfter: number | null;

  constructor(frame: Frame) {
    super(String(frame["message"] ?? "refused"));
    this.name = "LiveRefusal";
    this.code = numberIn(frame, "code") ?? 0;
    this.retryAfter = numberIn(frame, "retryAfter");
  }
}

export class Live {
  /** The newest by key: "presence", "vote_update:<decision>". */
  readonly states = new Map<string, State>();
  /** The newest session_state. */
  snapshot: Snapshot | null = null;
  reason = "";
  readonly #options: Options;
  readonly #api: Api;
  readonly #machine: Machine;
  readonly #connections = new Map<number, Connection>();
  readonly #waiting = new Map<string, { resolve: (frame: Frame) => void; reject: (error: LiveRefusal) => void }>();
  readonly #todo: Output[] = [];
  #alarm: ReturnType<typeof setTimeout> | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#api = new Api(options.api, options.token);
    this.#machine = new Machine(options.random ?? Math.random);
    this.#tell({ kind: "start" });
  }

  get state(): Phase {
    return this.#machine.state;
  }

  /** Resolves when the vote counts, over however many connections. */
  vote(decisionId: string, ballot: Ballot, requestId: string = crypto.randomUUID()): Promise<VoteAck> {
    return this.#act({ type: "vote", decisionId, ...ballot }, requestId) as Promise<VoteAck>;
  }

  chat(text: string, requestId: string = crypto.randomUUID()): Promise<Frame> {
    return this.#act({ type: "chat", text }, requestId);
  }

  /** Now or never. */
  react(emoji: Reaction): void {
    this.#tell({ kind: "act", frame: { type: "reaction", emoji } });
  }

  /** What an artist does: decision_create, decision_open, decision_close, decision_finalize. */
  direct(type: `decision_${string}`, fields: object, requestId: string = crypto.randomUUID()): Promise<Frame> {
    return this.#act({ ...fields, type }, requestId);
  }

  close(): void {
    this.#tell({ kind: "leave" });
  }

  #act(frame: Frame, requestId: string): Promise<Frame> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(requestId, { resolve, reject });
      this.#tell({ kind: "act", frame, requestId });
    });
  }

  #tell(given: Input): void {
    const outputs = this.#machine.take(Math.floor(performance.now()), given);
    clearTimeout(this.#alarm);
    const { wakeAt } = this.#machine;
    if (wakeAt !== null)
      this.#alarm = setTimeout(() => this.#tell({ kind: "tick" }), Math.max(0, wakeAt - performance.now()));
    const isNested = this.#todo.length > 0; // an application acts inside its callback
    this.#todo.push(...outputs);
    if (isNested) return;
    for (let next = this.#todo[0]; next !== undefined; next = this.#todo[0]) {
      try {
        this.#do(next);
      } finally {
        this.#todo.shift();
      }
    }
  }

  #do(output: Output): void {
    switch (output.kind) {
      case "connect":
        return this.#connect(output);
      case "write":
        return this.#connections.get(output.attempt)?.send(output.frame);
      case "call":
        return this.#call(output.requestId, output.frame);
      case "drop":
        this.#connections.get(output.attempt)?.drop();
        return void this.#connections.delete(output.attempt);
      case "deliver":
        if (output.frame.type === "session_state") this.snapshot = output.frame as Snapshot;
        return this.#options.onEvent?.(output.frame as Snapshot | Event);
      case "update":
        this.states.set(output.key, output.frame as State);
        return this.#options.onUpdate?.(output.key, output.frame as State);
      case "settle":
        return this.#settle(output.requestId, output.frame);
      case "state":
        this.reason = output.reason;
        return this.#options.onState?.(output.state, output.reason);
    }
  }

  #connect(asked: Output & { kind: "connect" }): void {
    const report = (given: Input) => {
      if (given.kind === "closed" || given.kind === "refused") this.#connections.delete(asked.attempt);
      this.#tell(given);
    };
    const connection =
      asked.transport === "socket"
        ? new Socket(asked, report, this.#api, this.#options)
        : new Stream(asked, report, this.#api, this.#options.sessionId);
    this.#connections.set(asked.attempt, connection);
  }

  #call(requestId: string, frame: Frame): void {
    void this.#api
      .call(this.#options.sessionId, requestId, frame)
      .catch((error: unknown) => errorFrame(requestId, error))
      .then((answer) => this.#tell({ kind: "answered", requestId, frame: answer }));
  }

  #settle(requestId: string, frame: Frame): void {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    if (frame.type === "error") waiting?.reject(new LiveRefusal(frame));
    else waiting?.resolve(frame);
  }
}
