/** What a door counts of those it turned away, so that a page which knocks a thousand times costs a record a minute. */
import type { FailureCode } from '../../preload/contract/failure.ts';
import type { Tally } from './tally.ts';

/** Distinct foreign users counted one by one; the rest are counted together. */
const foreignUsersCounted = 64;
/** Stands for a connection whose user the system could not name. */
const nobody = -1;

/** Why a connection was closed before a byte of it was read. */
export type Closed = { why: 'foreign-user'; uid: number | null } | { why: 'address' } | { why: 'busy' };

export interface DoorTally {
  /** Codes and reasons are from the door's own tables, so there are few of them. */
  refused(refusal: { code: FailureCode; reason: string }): void;
  dropped(what: Closed): void;
}

/** At a window nobody can knock but a page of ours, so there is no connection to drop. */
export function createDoorTally(door: 'window', tally: Tally): Pick<DoorTally, 'refused'>;
export function createDoorTally(door: 'broker' | 'pages' | 'metrics', tally: Tally): DoorTally;
export function createDoorTally(door: 'broker' | 'pages' | 'window' | 'metrics', tally: Tally): DoorTally {
  const foreignUsers = new Set<number>();

  function refused({ code, reason }: { code: FailureCode; reason: string }): void {
    tally.count(`door.refused ${code} ${reason}`, (count) => ({ type: 'door.refused', door, code, reason, count }));
  }

  return {
    refused,
    dropped(what) {
      if (what.why === 'busy') return refused({ code: 'DOOR_BUSY', reason: 'look-ups' });
      if (what.why === 'address') return refused({ code: 'HOST_REFUSED', reason: 'peer-address' });
      const owner = what.uid ?? nobody;
      const uid = foreignUsers.has(owner) || foreignUsers.size < foreignUsersCounted ? owner : nobody;
      foreignUsers.add(uid);
      tally.count(`door.foreign-user ${uid}`, (count) => ({
        type: 'door.foreign-user',
        door: door as 'broker' | 'pages' | 'metrics',
        uid,
        count,
      }));
    },
  };
}
