/** Of whoever asks: their terminal's variables, their Databricks profiles, their grant, their browser; and what the watch has to say. */
import { failureCodes, failureTexts } from '../../preload/contract/failure.ts';
import { type EpochMs, ms, remaining } from '../units.ts';
import { bad, type Check, type Found, good, unknown, weak } from './check.ts';
import { readDatabricksProfiles, rivalsAmong } from './databricks-settings.ts';
import type { FarFacts, GrantSeen } from './far-facts.ts';
import { FAR_LOOK } from './network-checks.ts';
import { lengthInWords, listInWords } from './words.ts';

const variables: Check<FarFacts> = {
  id: 'terminal-variables',
  title: 'Databricks variables in this terminal',
  look({ terminal }) {
    if (terminal === null) return unknown('A page does not see your terminal.', 'Run `lakepass doctor` there.');
    const rivals = rivalsAmong(terminal);
    if (rivals.length === 0) return good('None wins over Lakepass.');
    return bad(
      `Set in this terminal: ${listInWords(rivals)}, and so programs sign in past Lakepass.`,
      `Take them out: \`unset ${rivals.join(' ')}\`, and out of your shell’s start files; \`lakepass run\` clears them for what it starts.`,
    );
  },
};

const stale: Check<FarFacts> = {
  id: 'databricks-stale',
  title: 'Databricks profiles that ask Lakepass',
  async look({ env, judge }) {
    const read = (await readDatabricksProfiles(env, judge)) ?? [];
    const ours = read.filter(({ address }) => address === 'live');
    const dead = (why: string): string[] => read.filter(({ address }) => address === why).map(({ name }) => name);
    const [ports, grants] = [dead('dead-port'), dead('dead-grant')];
    const next = 'Write it anew: `lakepass profiles write`.';
    if (ports.length > 0) return bad(`A port at which Lakepass no longer listens is asked by: ${listInWords(ports)}.`, next);
    if (grants.length > 0) return bad(`A grant that has ended is asked by: ${listInWords(grants)}.`, next);
    return good(ours.length === 0 ? 'There is none.' : `A grant that lives is asked by: ${listInWords(ours.map(({ name }) => name))}.`);
  },
};

const grant: Check<FarFacts> = {
  id: 'grant',
  title: 'The grant',
  look({ grant: seen, now }): Found | [] {
    if (seen === null) return [];
    if (seen === 'unknown') return bad(failureTexts.GRANT_UNKNOWN.cause, 'Look at those there are: `lakepass grants`.', 'GRANT_UNKNOWN');
    return foundGrant(seen, now);
  },
};

function foundGrant({ id, state, paused, scopes, workspace, until, health, lastRefusal }: GrantSeen, now: EpochMs): Found {
  const anew = 'Make a new one: `lakepass run` or `lakepass env`.';
  if (state === 'expired') return bad(`${id} has reached its end.`, anew, 'GRANT_EXPIRED');
  if (state === 'revoked') return bad(`${id} was ended.`, anew, 'GRANT_REVOKED');
  if (paused) return bad(`${id} is paused, so it gets no token.`, 'Let it go on under Access, in `lakepass ui`.', 'GRANT_PAUSED');
  const code = failureCodes.find((known) => known === lastRefusal || (lastRefusal === null && known === health));
  const holds = `${id} opens ${listInWords(scopes)} at ${workspace}`;
  if (code !== undefined) return bad(`${holds}; it was last refused: ${failureTexts[code].cause}`, failureTexts[code].next, code);
  return good(`${holds}, for another ${lengthInWords(remaining(until, now))}; an API beyond that answers 403.`);
}

/** They take every name below `localhost` for this machine, whatever the system says. */
const knowsLocalhost = /chrom|edge|brave|vivaldi|opera|firefox|librewolf|zen/i;

const ownName: Check<FarFacts> = {
  id: 'own-name',
  title: 'lakepass.localhost in your browser',
  limit: ms(6000),
  async look({ defaultBrowser, systemFindsOwnName }) {
    const [name, system] = await Promise.all([defaultBrowser(), systemFindsOwnName()]);
    if (name !== null && knowsLocalhost.test(name)) return good('Your browser takes it for this machine by itself.');
    if (system) return good('This system finds it, and so does a browser that asks the system.');
    const next = 'Open such pages in Firefox or a Chromium, or add `127.0.0.1 lakepass.localhost` to /etc/hosts.';
    if (name === null) return unknown('This system does not find it, and which browser you use is not known.', next);
    return weak('This system does not find it, and your browser may ask the system.', next);
  },
};

const keychain: Check<FarFacts> = {
  id: 'keychain',
  title: 'The keychain',
  look: ({ status: { vault } }) => keychains[vault],
};
const inUse = good('It is open, and holds the key of the vault.');
const keychains: Readonly<Record<FarFacts['status']['vault'], Found>> = {
  'secret-service': inUse,
  keychain: inUse,
  'credential-manager': inUse,
  passphrase: good('None is used: a passphrase opens the vault.'),
  file: weak(
    'A file takes its place, which every program of yours can read.',
    'Start the agent with `--vault keychain`, or `--vault passphrase`.',
  ),
  memory: good('None is used: what would be in it is kept in memory alone.'),
};

const watched: Check<FarFacts> = {
  id: 'watched',
  title: 'What was noticed meanwhile',
  limit: FAR_LOOK,
  async look({ places, watched: noticed }) {
    // On the way there certificates are seen.
    await Promise.all(places.map(({ way }) => way()));
    return noticed().map((each) => ({ ...each, state: 'weak' as const }));
  },
};

export const terminalChecks: readonly Check<FarFacts>[] = [variables, stale, grant, ownName, keychain, watched];
