/** What an application is shown; fields as domain.md 3 and src/audifi/wire/live/protocol.py name them. */
import type { EventType, Role, StateType } from "./protocol.ts";
import type { Frame } from "./signals.ts";

/** The whole session, in place of everything before `seq`. */
export interface Snapshot extends Frame {
  readonly type: "session_state";
  readonly seq: number;
  readonly status: string;
  readonly you?: {
    readonly role: Role;
    readonly eligible: boolean;
    readonly weight?: number;
    readonly votes?: Record<string, unknown>;
  };
}

/** Something that happened, numbered. */
export interface Event extends Frame {
  readonly type: EventType;
  readonly seq: number;
  readonly ts: number;
}

/** Something that is so now; `version` grows for each key. */
export interface State extends Frame {
  readonly type: StateType;
  readonly version: number;
}

/** The audience's vote so far. */
export interface VoteUpdate extends State {
  readonly type: "vote_update";
  readonly decisionId: string;
  readonly results: Record<string, number>;
  readonly weights?: Record<string, number>;
  readonly totalVotes: number;
}

/** The vote counts; `weight` in thousandths. */
export interface VoteAck extends Frame {
  readonly type: "vote_ack";
  readonly decisionId: string;
  readonly voteId: string;
  readonly weight: number;
  readonly duplicate: boolean;
}

/** Exactly one of the four. */
export type Ballot = { choice: string } | { value: number } | { ranking: readonly string[] } | { text: string };
