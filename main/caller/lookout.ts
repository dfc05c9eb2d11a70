/**
 * Answers questions about connections and processes, many at a time: one pass through the socket table for all of them. Of a
 * connection of another user it says the uid and nothing else; no process is looked at for it.
 */
import type { Owner } from './connection-rows.ts';
import { createHolderSearch, type Holder } from './holders.ts';
import { createProcessFiles } from './process-files.ts';
import { createSightings, type Sighting } from './sighting.ts';
import { createSocketTable } from './socket-table.ts';

/** `key` as `keyOf` makes it. 'owner': the uid alone. 'caller': and the first holder. 'holders': and all of them. */
export type Question = { about: 'owner' | 'caller' | 'holders'; key: number } | { about: 'process'; pid: number };

export interface Finding {
  /** undefined: there is no such connection (yet). null: nobody owns it. */
  uid: number | null | undefined;
  seen: Sighting[];
}

export interface Lookout {
  /** One finding for each question. Questions about 'holders' wait for a look at every process, so they come in batches of their own. */
  answer(questions: readonly Question[]): Promise<Finding[]>;
}

export interface LookoutParts {
  /** Where the proc file system is mounted. */
  proc: string;
  /** Whose processes may be looked at. */
  uid: number;
}

/** @param files what is known of processes; by default what `proc` says */
export function createLookout({ proc, uid }: LookoutParts, files = createProcessFiles(proc)): Lookout {
  const table = createSocketTable(proc);
  const search = createHolderSearch({ files, uid });
  const sightings = createSightings({ files, uid });

  /** The socket to look for; null where no process may be looked at. */
  function inodeOf(owner: Owner | null | undefined): string | null {
    if (owner === null || owner === undefined) return null;
    // check: caller-foreign-uid
    if (owner.uid !== uid) return null;
    // end check
    return owner.inode;
  }

  function inodesFor(about: Question['about'], questions: readonly Question[], owners: ReadonlyMap<number, Owner | null>): Set<string> {
    const keys = questions.flatMap((question) => (question.about === about && 'key' in question ? question.key : []));
    return new Set(keys.map((key) => inodeOf(owners.get(key))).filter((inode) => inode !== null));
  }

  return {
    async answer(questions) {
      const keys = questions.flatMap((question) => ('key' in question ? question.key : []));
      const owners = keys.length === 0 ? new Map<number, Owner | null>() : table.owners(keys);
      const first = search.first(inodesFor('caller', questions, owners));
      const all = await search.all(inodesFor('holders', questions, owners));
      const seen = new Map<number, Sighting | null>();

      function see(pid: number): Sighting[] {
        const sighting = seen.has(pid) ? seen.get(pid) : sightings.see(pid);
        seen.set(pid, sighting ?? null);
        return sighting ? [sighting] : [];
      }
      function seeHolder({ pid, startTicks }: Holder): Sighting[] {
        const found = see(pid);
        // check: caller-pid-reuse
        if (found[0]?.process.startTicks !== startTicks) return [];
        // end check
        return found;
      }
      function find(question: Question): Finding {
        if (question.about === 'process') return { uid: null, seen: see(question.pid) };
        const owner = owners.get(question.key);
        const inode = inodeOf(owner);
        const holders = question.about === 'caller' ? first.values() : question.about === 'holders' ? all : [];
        const held = [...holders].filter((holder) => holder.inode === inode);
        return { uid: owner === null ? null : owner?.uid, seen: held.flatMap(seeHolder) };
      }
      return questions.map(find);
    },
  };
}
