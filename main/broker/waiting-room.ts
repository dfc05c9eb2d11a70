/** Counts the requests that wait, so that there are never more of them than the door can hold, in all and for one grant. */

const limits = { all: 3000, grant: 1500 } as const;

export interface WaitingRoom {
  /** False when there is no room; after true, `leave` must follow. */
  enter(grantId: string): boolean;
  leave(grantId: string): void;
}

export function createWaitingRoom(): WaitingRoom {
  const byGrant = new Map<string, number>();
  let all = 0;
  return {
    enter(grantId) {
      const waiting = byGrant.get(grantId) ?? 0;
      // check: waiting-requests-limit
      if (all >= limits.all || waiting >= limits.grant) return false;
      // end check
      byGrant.set(grantId, waiting + 1);
      all++;
      return true;
    },
    leave(grantId) {
      all--;
      const left = (byGrant.get(grantId) ?? 1) - 1;
      if (left === 0) byGrant.delete(grantId);
      else byGrant.set(grantId, left);
    },
  };
}
