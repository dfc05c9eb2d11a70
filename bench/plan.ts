/** How long and how often is measured: the whole bench, or a smoke of it that proves that every row still runs. */
export interface Plan {
  rounds: number;
  /** Length of one wrk run. */
  seconds: number;
  /** New connections per side and round. */
  visits: number;
  /** Seconds to wait for a machine on which few sockets are in TIME_WAIT. */
  patience: number;
  timeWaits: number;
  /** Tokens after which memory is looked at, first and at the end. */
  tokens: { first: number; last: number };
  /** How long nobody asks before idleness is looked at: what a use leaves to be written is written within a minute. */
  settleSeconds: number;
  idleSeconds: number;
  /** Runs of a command per side and round. */
  commands: number;
  /** Questions to each policy, and how often the gate is asked again. */
  decisions: { questions: number; batch: number; batches: number };
}

export const wholePlan: Plan = {
  ...{
    rounds: 7,
    seconds: 2,
    visits: 40,
    patience: 30,
    timeWaits: 20_000,
    tokens: { first: 100_000, last: 1_000_000 },
    settleSeconds: 62,
    idleSeconds: 20,
    commands: 12,
    decisions: { questions: 20_000, batch: 100_000, batches: 21 },
  },
};
export const quickPlan: Plan = {
  ...{
    rounds: 2,
    seconds: 1,
    visits: 10,
    patience: 0,
    timeWaits: 5000,
    tokens: { first: 10_000, last: 30_000 },
    settleSeconds: 3,
    idleSeconds: 5,
    commands: 3,
    decisions: { questions: 4000, batch: 100_000, batches: 5 },
  },
};
