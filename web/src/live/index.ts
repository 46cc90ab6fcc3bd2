/** Watch and vote in a live V Studio session. README.md shows how. */
export { Live, LiveRefusal, type Options } from "./live.ts";
export type { Ballot, Event, Snapshot, State, VoteAck, VoteUpdate } from "./frames.ts";
export { CODES, type EventType, type Reaction, type Role, type StateType } from "./protocol.ts";
export type { Frame, Phase } from "./signals.ts";
