/** The ways to the provider and the workspaces: name, proxy, connection, TLS, clock, and whether what answers is what it should be. */
import { minutes, ms, seconds } from '../units.ts';
import { bad, type Check, type Found, type FoundEach, foundFailure, good, unknown, weak } from './check.ts';
import type { FarFacts, Place, Way } from './far-facts.ts';
import { lengthInWords, listInWords } from './words.ts';

/** Longer than any single question takes, so that its own reason is told. */
export const FAR_LOOK = seconds(10);

const nowhere = unknown('No profile names a provider or a workspace yet.', 'Make a profile: `lakepass login https://YOUR-WORKSPACE`.');

interface Seen {
  place: Place;
  way: Way;
}
const lookAll = (places: readonly Place[]): Promise<Seen[]> =>
  Promise.all(places.map(async (place) => ({ place, way: await place.way() })));

const hostsOf = (seen: readonly Seen[]): string => listInWords([...new Set(seen.map(({ place }) => place.host))]);
const failedAt = (seen: readonly Seen[], ...stages: readonly string[]): Seen[] =>
  seen.filter(({ way }) => way.kind === 'failed' && stages.includes(way.at));

/** What stands in between, in the words of the table of failures. */
function failureOf(seen: readonly Seen[]): Found | undefined {
  const [failure] = seen.flatMap(({ way }) => (way.kind === 'failed' && way.failure !== undefined ? [way.failure] : []));
  return failure && foundFailure('bad', failure);
}

const check = (id: string, title: string, judge: (seen: readonly Seen[], facts: FarFacts) => Found): Check<FarFacts> => ({
  ...{ id, title, limit: FAR_LOOK },
  async look(facts) {
    // Once is enough to say that there is nowhere to look.
    if (facts.places.length === 0) return id === 'dns' ? nowhere : [];
    return judge(await lookAll(facts.places), facts);
  },
});

const names = check('dns', 'Names on the network', (seen) => {
  const lost = failedAt(seen, 'dns');
  if (lost.length > 0)
    return bad(
      `No address is known for ${hostsOf(lost)}.`,
      'Look for a typing error in the configuration; if there is none, connect to the network or the VPN that knows the name.',
      'WORKSPACE_UNREACHABLE',
    );
  const silent = failedAt(seen, 'timeout', 'network');
  if (silent.length > 0)
    return unknown(`Nothing came back from ${hostsOf(silent)}.`, 'Look at the connection first, which is the next line.');
  return good('Every name leads somewhere.');
});

/** What decides about a way out; plain http is spoken to this machine alone. */
const proxyNames = /^https_proxy$/i;

const proxy = check('proxy', 'The company’s proxy', (seen, { terminal, env }) => {
  const set = Object.keys(env).filter((name) => proxyNames.test(name) && env[name]);
  const wordsOf = failureOf(failedAt(seen, 'proxy'));
  if (wordsOf !== undefined) return wordsOf;
  const inTerminal = (terminal ?? []).filter((name) => proxyNames.test(name));
  const cutOff = failedAt(seen, 'refused', 'timeout', 'network', 'reset');
  if (inTerminal.length > 0 && set.length === 0)
    return (cutOff.length > 0 ? bad : weak)(
      `Your terminal has ${listInWords(inTerminal)}; the agent was started without, so it goes past the proxy.`,
      'Start the agent anew from that terminal: `lakepass agent --stop`, then `lakepass status`.',
    );
  if (set.length === 0) return good('None is set where the agent was started.');
  return good(`Where the agent was started: ${listInWords(set.sort())}.`);
});

const connection = check('connection', 'The connection', (seen) => {
  const refused = failedAt(seen, 'refused');
  if (refused.length > 0)
    return bad(
      `Nobody listens at ${hostsOf(refused)}.`,
      'Check address and port in the configuration; a firewall may refuse it, too.',
      'WORKSPACE_UNREACHABLE',
    );
  const lost = failedAt(seen, 'timeout', 'network', 'reset');
  if (lost.length > 0)
    return bad(
      `The connection to ${hostsOf(lost)} does not come about, or breaks.`,
      'Connect to the VPN, or start the agent where HTTPS_PROXY is set: `lakepass agent --stop`, then `lakepass status`.',
      'WORKSPACE_UNREACHABLE',
    );
  const answered = seen.filter(({ way }) => way.kind === 'answered');
  if (answered.length === 0)
    return unknown('Nothing could be reached to try it with.', 'See to what is said about the names and TLS first.');
  return good(`An answer came from ${hostsOf(answered)}.`);
});

const tls = check('tls', 'TLS', (seen) => {
  const doubted = failedAt(seen, 'certificate');
  const wordsOf = failureOf(doubted);
  if (wordsOf !== undefined) return wordsOf;
  if (doubted.length > 0)
    return bad(
      `The certificate of ${hostsOf(doubted)} is not trusted, as where a company looks into TLS.`,
      'Name the file with the company’s authority as `network.caFile` in the configuration.',
      'WORKSPACE_TLS',
    );
  const strange = failedAt(seen, 'handshake');
  if (strange.length > 0)
    return bad(`${hostsOf(strange)} speaks no TLS that can be agreed on.`, 'Check address and port in the configuration.', 'WORKSPACE_TLS');
  const plain = seen.filter(({ place }) => place.isPlain);
  const answered = seen.filter(({ place, way }) => way.kind === 'answered' && !place.isPlain);
  if (answered.length > 0) return good(`Trusted: ${hostsOf(answered)}.`);
  if (plain.length === seen.length) return good('None is used: test profiles on this machine speak plain http.');
  return unknown('Nothing was reached over TLS.', 'See to the connection first.');
});

/** NTP keeps a machine within milliseconds; more than this and tokens begin to be refused. */
const WRONG = minutes(1);

const clock = check('clock-network', 'The clock, against theirs', (seen) => {
  const told = seen.flatMap(({ place, way }) => (way.kind === 'answered' && way.ahead !== null ? [{ place, ahead: way.ahead }] : []));
  if (told.length === 0) return unknown('Nobody said what time it is.', 'See to the connection first.');
  const wrong = told.filter(({ ahead }) => Math.abs(ahead) > WRONG);
  const [first] = wrong;
  if (first === undefined) return good('It agrees with theirs to within a minute.');
  const off = lengthInWords(ms(Math.abs(first.ahead)));
  const side = first.ahead > 0 ? 'ahead of' : 'behind';
  if (wrong.length < told.length)
    return weak(
      `It is ${off} ${side} that of ${first.place.host}, and agrees with others.`,
      'Tell whoever runs that service.',
      'CLOCK_SKEW',
    );
  return bad(
    `It is ${off} ${side} that of ${first.place.host}.`,
    'Let the system set its clock over the network: `timedatectl set-ntp true`.',
    'CLOCK_SKEW',
  );
});

const endpoints: Check<FarFacts> = {
  id: 'endpoint',
  title: 'Token endpoints of workspaces',
  limit: FAR_LOOK,
  async look({ places }): Promise<FoundEach[]> {
    const seen = await lookAll(places);
    return seen.flatMap(({ place: { workspace, host }, way }) =>
      workspace === null
        ? []
        : [
            {
              id: `${workspace.profile}-${workspace.name}`,
              title: `Token endpoint: ${workspace.profile} / ${workspace.name}`,
              ...foundEndpoint(way, host),
            },
          ],
    );
  },
};

function foundEndpoint(way: Way, host: string): Found {
  if (way.kind === 'failed') return unknown(`${host} was not reached.`, 'See to the connection first.');
  if (way.isMetadata) return good(`${host} speaks of tokens as a workspace does.`);
  return bad(
    `${host} answers, and not as a workspace does.`,
    'Check the address in the configuration: it is the one in the browser when the workspace is open.',
    'WORKSPACE_ANSWER_INVALID',
  );
}

export const networkChecks: readonly Check<FarFacts>[] = [names, proxy, connection, tls, clock, endpoints];
