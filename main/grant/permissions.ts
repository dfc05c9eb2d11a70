/**
 * What people have answered about programs that are no members of a grant. For an interpreter an answer binds to the process tree, or
 * to interpreter, script and folder; never to the interpreter alone.
 *
 * A no always counts before a yes, and only a person takes one back. Answers with yes live in memory alone: a file of them could be
 * written by any program of this user.
 */
import type { Failure } from '../../preload/contract/failure.ts';
import type { Caller, Callers } from '../caller/caller.ts';
import type { Clock, Log } from '../ports.ts';
import { type EpochMs, hours, later, type Ms, minutes, seconds } from '../units.ts';
import type { Answer } from './consents.ts';
import { type Denied, deniedLimit, openDeniedFile } from './denied-file.ts';
import type { Grant } from './grant.ts';
import type { Grants } from './grants.ts';
import {
  lastingReachOf,
  programOf,
  type Reach,
  reaches,
  type Standing,
  sameProgram,
  sameReach,
  sameStanding,
  standingOf,
  treeOf,
} from './program.ts';

export type { Denied } from './denied-file.ts';

export interface Permissions {
  /** 'once' is spent by `spend`; null: nobody has answered. `until`: when what is said here must be asked again. */
  find(grant: Grant, caller: Caller): { allowed: true; until: EpochMs; once: boolean } | { allowed: false; until: EpochMs } | null;
  /** @param scopes those the person was shown; once the grant has more, a yes is asked for anew */
  remember(grant: Grant, caller: Caller, answer: Answer, scopes?: readonly string[]): void;
  /** Whether a person has denied this program for good, whatever it asks for. */
  isDenied(profile: string, caller: Caller): boolean;
  /** The person has denied it for good where there is no grant to speak of yet. */
  deny(profile: string, caller: Caller): void;
  /** A lease was handed out on a permission that is good for one. */
  spend(grant: Grant, caller: Caller): void;
  /** A process beside the caller holds the connection: what was answered for the caller is asked again. */
  doubt(grant: Grant, caller: Caller): void;
  /** Equal for requests that one answer settles. */
  keyOf(caller: Caller): string;
  /** Programs denied for good, oldest first; last those that are denied until their process exits, because nothing else tells them apart. */
  denied(): readonly Denied[];
  /** Takes a denial for good back; the program is asked about again. False where there is none of that id. */
  forgive(id: string): boolean;
  /** What was wrong with the file of denials (GRANTS_CORRUPT); null when all was well. */
  readonly problem: Failure | null;
  /** Resolves when what was to be written is written, or cannot be. */
  close(): Promise<void>;
}

/** At most so many answers of either kind are remembered for one grant; the oldest is forgotten and asked about again. */
const answersPerGrant = 64;
const eightHours: Ms = hours(8);
/** A yes for one lease waits so long for the program to come back. */
const onceWaits: Ms = minutes(10);
/** A no for one request is for those that waited for it: they hear it in this time, and later ones ask anew. */
const onceDenied: Ms = seconds(2);
/** An answer about a process holds while it runs, so it must not be kept by others for long. */
const lookAgain: Ms = seconds(30);

interface Remembered {
  readonly allowed: boolean;
  readonly once: boolean;
  readonly standing: Standing;
  readonly reach: Reach;
  readonly scopes: readonly string[];
  /** Who asked: for 'once', each process that did has one lease. */
  readonly asker: Reach;
  readonly until: EpochMs;
}

/**
 * Opens what was denied for good; all else begins empty.
 *
 * @param parts.file lies in a folder that only this user may enter; written with mode 0600
 * @throws AppError DISK_FULL: the file can be neither read nor set aside
 */
export async function openPermissions(parts: {
  file: string;
  grants: Pick<Grants, 'onEnd'>;
  isAlive: Callers['isAlive'];
  clock: Clock;
  random: (bytes: number) => Buffer;
  log?: Log;
}): Promise<Permissions> {
  const { grants, isAlive, clock, random } = parts;
  const file = await openDeniedFile(parts);
  let denied: readonly Denied[] = file.denied;
  const answers = new Map<string, Remembered[]>();
  /** The processes denied for good: they stay so whatever they call themselves next, and are all there is where the program is not known. */
  let deniedNow: { denied: Denied; lasting: boolean; reach: Reach }[] = [];
  grants.onEnd(({ id }) => void answers.delete(id));

  function isOver({ until, reach }: Remembered): boolean {
    if (clock.now() >= until) return true;
    // check: permission-ends-with-process
    if (reach.by === 'tree' && !isAlive(reach.root)) return true;
    // end check
    return false;
  }

  /** The answers that still hold; one that is over never comes back, whatever the clock does. */
  function holding(grant: Grant): Remembered[] {
    const held = answers.get(grant.id)?.filter((each) => !isOver(each)) ?? [];
    if (held.length > 0) answers.set(grant.id, held);
    else answers.delete(grant.id);
    return held;
  }

  function isDeniedForGood(profile: string, caller: Caller): boolean {
    const program = programOf(caller);
    return (
      deniedNow.some((each) => each.denied.profile === profile && reaches(each.reach, caller)) ||
      (program !== null &&
        denied.some(
          (each) => each.profile === profile && sameProgram(each, program) && (each.aiAgent ?? caller.aiAgent) === caller.aiAgent,
        ))
    );
  }

  function add(grant: Grant, remembered: Remembered): void {
    const others = holding(grant).filter((each) => !isRepeated(each, remembered));
    const all = [...others, remembered];
    // Each kind by itself: many a yes must not push out a no.
    const of = (allowed: boolean): Remembered[] => all.filter((each) => each.allowed === allowed).slice(-answersPerGrant);
    answers.set(grant.id, [...of(false), ...of(true)]);
  }

  function denyForGood(profile: string, caller: Caller): void {
    const { aiAgent } = caller;
    const program = programOf(caller);
    const known =
      program === null
        ? undefined
        : denied.find((each) => each.profile === profile && sameProgram(each, program) && each.aiAgent === aiAgent);
    const entry: Denied = known ?? {
      ...{ id: `d${random(8).toString('hex')}`, profile, aiAgent, deniedAt: clock.now() },
      ...(program ?? { executable: caller.process?.executable ?? 'unknown', script: null, folder: null }),
    };
    const reach = treeOf(caller);
    const running = deniedNow.filter((each) => each.reach.by !== 'tree' || isAlive(each.reach.root));
    const others = running.filter((each) => each.denied.profile !== profile || !sameReach(each.reach, reach));
    deniedNow = [...others, { denied: entry, lasting: program !== null, reach }].slice(-deniedLimit);
    if (program === null || known !== undefined) return;
    denied = [...denied, entry].slice(-deniedLimit);
    file.keep(denied);
  }

  /** The answer that lasts longest counts, so that a lease is not spent where none need be. */
  function approvalFor(grant: Grant, caller: Caller): Remembered | undefined {
    const fitting = holding(grant).filter((each) => each.allowed && covers(each, caller) && isForAllOf(each, grant));
    return fitting.filter(({ once }) => !once).sort((a, b) => b.until - a.until)[0] ?? fitting[0];
  }

  return {
    problem: file.problem,

    find(grant, caller) {
      // check: permission-denied-for-good
      if (isDeniedForGood(grant.profile, caller)) return { allowed: false, until: grant.until };
      // end check
      // check: permission-deny-first
      const no = holding(grant).find((each) => !each.allowed && deniesToo(each, caller));
      if (no !== undefined) return { allowed: false, until: no.until };
      // end check
      const yes = approvalFor(grant, caller);
      if (yes === undefined) return null;
      const until = yes.reach.by === 'tree' ? Math.min(yes.until, later(clock.now(), lookAgain)) : yes.until;
      return { allowed: true, until: until as EpochMs, once: yes.once };
    },

    remember(grant, caller, answer, scopes = grant.scopes) {
      // check: permission-deny-for-good
      if (answer.verdict === 'denied' && answer.reach === 'always') return denyForGood(grant.profile, caller);
      // end check
      if (grant.state !== 'live') return;
      const until = (length: Ms): EpochMs => Math.min(grant.until, later(clock.now(), length)) as EpochMs;
      const about = { standing: standingOf(caller), asker: treeOf(caller), scopes };
      if (answer.verdict === 'denied') {
        const once = answer.reach === 'once';
        add(grant, { ...about, allowed: false, once, reach: lastingReachOf(caller), until: once ? until(onceDenied) : grant.until });
        // The process itself stays denied, whatever it calls itself next.
        if (!once) add(grant, { ...about, allowed: false, once, reach: treeOf(caller), until: grant.until });
        return;
      }
      add(grant, { ...about, allowed: true, ...approvalOf(answer.span, caller, grant, until) });
    },

    isDenied: isDeniedForGood,
    deny: denyForGood,

    spend(grant, caller) {
      const approval = approvalFor(grant, caller);
      if (approval === undefined || !approval.once) return;
      const asker = treeOf(caller);
      const held = holding(grant);
      const own = held.find((each) => each.allowed && each.once && covers(each, caller) && sameReach(each.asker, asker)) ?? approval;
      // check: permission-once-spent
      answers.set(
        grant.id,
        held.filter((each) => each !== own),
      );
      // end check
    },

    doubt(grant, caller) {
      // check: permission-doubted
      answers.set(
        grant.id,
        holding(grant).filter((each) => !each.allowed || !covers(each, caller)),
      );
      // end check
    },

    keyOf(caller) {
      const { kind, aiAgent } = standingOf(caller);
      // Two processes of one interpreter are two requests: the answer may be for one of them alone.
      const reach = caller.interpreter === null && kind === 'plain' ? lastingReachOf(caller) : treeOf(caller);
      return JSON.stringify([kind, aiAgent, reach]);
    },

    denied: () => [...denied, ...deniedNow.filter(({ lasting }) => !lasting).map((each) => each.denied)],
    forgive(id) {
      const left = denied.filter((each) => each.id !== id);
      const running = deniedNow.filter((each) => each.denied.id !== id);
      if (left.length === denied.length && running.length === deniedNow.length) return false;
      deniedNow = running;
      if (left.length < denied.length) file.keep(left);
      denied = left;
      return true;
    },
    close: () => file.close(),
  };
}

/** How far a yes reaches and how long it holds. Where nothing is known of the caller it is good for one lease. */
function approvalOf(
  span: Extract<Answer, { verdict: 'approved' }>['span'],
  caller: Caller,
  grant: Grant,
  until: (length: Ms) => EpochMs,
): Pick<Remembered, 'once' | 'reach' | 'until'> {
  const tree = treeOf(caller);
  // A forwarder speaks for whoever is on its other side, so each of its processes is somebody else.
  const lasting = caller.kind === 'forwarder' ? tree : lastingReachOf(caller);
  if (span === 'once' || caller.process === null)
    return { once: true, reach: caller.interpreter === null ? lasting : tree, until: until(onceWaits) };
  if (span === 'program') return { once: false, reach: tree, until: grant.until };
  return { once: false, reach: lasting, until: span === 'hours' ? until(eightHours) : grant.until };
}

/** A yes is for those who ask in the same capacity. */
function covers({ reach, standing }: Remembered, caller: Caller): boolean {
  // check: permission-same-standing
  if (!sameStanding(standing, standingOf(caller))) return false;
  // end check
  return reaches(reach, caller);
}

/** A grant may have grown since, or while the person was reading. */
function isForAllOf(remembered: Remembered, grant: Grant): boolean {
  // check: permission-scopes-as-shown
  if (!grant.scopes.every((scope) => remembered.scopes.includes(scope))) return false;
  // end check
  return true;
}

/** A no to a person's own program holds for an AI agent's too, but not the other way round. */
const deniesToo = ({ reach, standing }: Remembered, caller: Caller): boolean =>
  (standing.aiAgent === null || standing.aiAgent === caller.aiAgent) && reaches(reach, caller);

const isRepeated = (a: Remembered, b: Remembered): boolean =>
  a.allowed === b.allowed &&
  a.once === b.once &&
  sameStanding(a.standing, b.standing) &&
  sameReach(a.reach, b.reach) &&
  (!a.once || !a.allowed || sameReach(a.asker, b.asker));
