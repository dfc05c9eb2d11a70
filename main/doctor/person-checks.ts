/** What belongs to the person: files, vault, sessions, workspaces and keys. */
import type { StatusView } from '../../preload/contract/control.ts';
import { type Failure, type FailureCode, failureCodes, failureTexts } from '../../preload/contract/failure.ts';
import type { SessionView } from '../../preload/contract/session.ts';
import { ms } from '../units.ts';
import { bad, type Check, type Found, foundFailure, good, unknown, weak } from './check.ts';
import type { Facts } from './facts.ts';
import { lengthInWords, listInWords } from './words.ts';

/** A change that waits for a person is no damage. */
const awaited: readonly FailureCode[] = ['POLICY_UNAPPROVED', 'CONFIG_UNAPPROVED'];
const isLost = ({ reason }: Failure): boolean => reason === 'lost';

function foundProblems(problems: readonly Failure[]): Found | undefined {
  const [worst] = [...problems].sort((a, b) => Number(waits(a)) - Number(waits(b)));
  return worst && foundFailure(waits(worst) ? 'weak' : 'bad', worst);
}
const waits = (failure: Failure): boolean => awaited.includes(failure.code) && !isLost(failure);

const isAboutPolicy = ({ code }: Failure): boolean => code.startsWith('POLICY_');

const configFile: Check = {
  id: 'config',
  title: 'The configuration file',
  look({ fileProblems, fileNotes, configApproved, status: { profiles } }) {
    const problem = foundProblems(fileProblems.filter((failure) => !isAboutPolicy(failure)));
    if (problem !== undefined) return problem;
    const { next } = failureTexts.CONFIG_MISSING;
    if (profiles.length === 0) return weak('It names no profile, so there is nowhere to sign in.', next, 'CONFIG_MISSING');
    const count = `${profiles.length} ${profiles.length === 1 ? 'profile' : 'profiles'}`;
    if (fileNotes.length > 0)
      return weak(
        `${count}. ${fileNotes.join(' ')}`,
        'Mend the configuration if that is not meant; what was approved holds once the agent is started again.',
      );
    if (!configApproved) return weak(`${count}. Nobody has signed in with it yet, which is what approves a first one.`, 'Sign in.');
    return good(`${count}, as you approved ${profiles.length === 1 ? 'it' : 'them'}.`);
  },
};

const policyFile: Check = {
  id: 'policy',
  title: 'The policy',
  look({ fileProblems, now, status: { policy } }) {
    const problem = foundProblems(fileProblems.filter(isAboutPolicy));
    if (problem !== undefined) return problem;
    const { id, revision, mode, source, expires } = policy;
    const { cause, next } = failureTexts.POLICY_EXPIRED;
    if (expires !== null && Date.parse(expires) <= now) return bad(cause, next, 'POLICY_EXPIRED');
    if (mode === 'observe')
      return weak(
        'It only observes: what it would refuse is recorded and let through.',
        'Set `mode: enforce` once its records look right.',
      );
    if (id === 'unattended' && source === 'built-in')
      return weak(
        'Nobody is asked: programs get tokens of the service principals as they are.',
        'Add a profile, and a person approves each grant.',
      );
    if (source === 'built-in') return good('The built-in one: you approve each grant, for bundles alone.');
    const ends = expires === null ? '' : `, for another ${lengthInWords(ms(Date.parse(expires) - now))}`;
    return good(`"${id}", revision ${revision}, holds${ends}.`);
  },
};

const vaultSealing: Check = {
  id: 'vault',
  title: 'What seals your session on the disk',
  look: ({ status: { lock } }) => sealings[lock.sealing],
};
const sealings: Readonly<Record<StatusView['lock']['sealing'], Found>> = {
  key: good('A touch of a tap key, with its PIN, opens the vault; no program can do so alone.'),
  passphrase: good('A passphrase opens the vault.'),
  memory: good('Nothing: the session is kept in memory alone, and a restart means signing in again.'),
  keychain: weak(
    'The keychain alone, so any program that runs as you can read the refresh token.',
    'Seal the vault with a tap key, under Keys, or with a passphrase: `lakepass seal passphrase`.',
  ),
};

const sessions: Check = {
  id: 'session',
  title: 'Sessions',
  look: ({ status: { profiles }, now }) =>
    profiles.map(({ name, session }) => ({ id: name, title: `Session: ${name}`, ...foundSession(session, now) })),
};

function foundSession(session: SessionView, now: number): Found {
  const { phase, renewalProblem, lastFailure, endsAt, renewable } = session;
  const out = failureTexts.SIGNED_OUT;
  switch (phase) {
    case 'signed-in': {
      const left = endsAt === null ? '' : ` for another ${lengthInWords(ms(Date.parse(endsAt) - now))} at most`;
      if (renewalProblem !== null) return foundFailure('weak', renewalProblem);
      if (!renewable)
        return weak(`Signed in${left}. The provider lets nobody renew it.`, 'Ask your admin for `offline_access`, or sign in again then.');
      return good(`Signed in${left}, and renewed by itself until then.`);
    }
    case 'locked':
      return weak(failureTexts.LOCKED.cause, failureTexts.LOCKED.next, 'LOCKED');
    case 'signing-in':
      return weak('A sign-in waits in the browser.', 'Finish it there.');
    case 'ended':
      return lastFailure === null ? bad('The session has ended.', out.next, 'SIGNED_OUT') : foundFailure('bad', lastFailure);
    case 'signed-out':
      return lastFailure === null ? weak('Nobody is signed in.', out.next, 'SIGNED_OUT') : foundFailure('weak', lastFailure);
  }
}

const workspaces: Check = {
  id: 'workspace',
  title: 'Workspaces',
  look: ({ status: { profiles } }) =>
    profiles.flatMap(({ name: profile, workspaces: all }) =>
      all.map(({ name, health }) => ({ id: `${profile}-${name}`, title: `Workspace: ${profile} / ${name}`, ...foundHealth(health) })),
    ),
};

function foundHealth(health: string): Found {
  if (health === 'ok') return good('It gave the last token that was asked for.');
  if (health === 'unknown') return unknown('No token was asked for since the agent started.', 'Run something: `lakepass token` will do.');
  const code = failureCodes.find((known) => known === health);
  return code === undefined
    ? bad('It gave no token when it was last asked.', 'Try again: `lakepass token`.')
    : bad(failureTexts[code].cause, failureTexts[code].next, code);
}

const tapKeys: Check = {
  id: 'tap-keys',
  title: 'Tap keys',
  look({ status, tapKeyProblem }: Facts) {
    if (tapKeyProblem !== null) return foundFailure('bad', tapKeyProblem);
    const inUse = status.tapKeys.filter(({ state }) => state === undefined);
    const suspect = inUse.filter((key) => key.suspect === true);
    if (suspect.length > 0)
      return bad(
        `There may be a copy of ${listInWords(suspect.map(({ name }) => `"${name}"`))}: its counter went back.`,
        'Remove it under Keys, and enrol another.',
      );
    const broken = inUse.filter(({ because }) => because === 'status');
    if (broken.length > 0)
      return bad(
        `FIDO says that the model of ${listInWords(broken.map(({ name, status: said }) => `"${name}" is ${said ?? 'broken'}`))}.`,
        'Enrol a key of another model, then `lakepass keys retire` this one.',
      );
    const { next } = failureTexts.TAP_KEY_NEEDED;
    if (inUse.length === 0 && status.tapKeys.length > 0) return bad('Every key is lost or retired.', 'Start afresh: `lakepass reset`.');
    if (inUse.length === 0) return weak('None is enrolled, so nothing that takes a touch can be approved.', next, 'TAP_KEY_NEEDED');
    if (inUse.length === 1)
      return weak('One is enrolled. Were it lost, only `lakepass reset` would be left.', 'Add a second one under Keys.');
    return good(`${inUse.length} are enrolled.`);
  },
};

export const personChecks: readonly Check[] = [configFile, policyFile, vaultSealing, sessions, workspaces, tapKeys];
