/**
 * What a person has at hand, an issuer, a workspace, a client id, becomes a profile: which preset it is and why, what is still missing, the
 * lines to write. Pure: nobody is asked and nothing is written here.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ProfileInitRequest } from '../../preload/contract/profile-init.ts';
import { AppError } from '../app-error.ts';
import { type PresetName, presetNames, presetOf, presets } from '../idp/presets.ts';
import type { Profile } from '../profile/profile.ts';
import { isOfDatabricks, workspaceIssuer } from '../profile/profile-rules.ts';
import { originOf, quoted, shortName } from './profile-words.ts';
import { builtInClient, freeName } from './workspace-profile.ts';

/** What can be added to a configuration. */
export interface Addition {
  /** The profile in use that says the same. */
  find(profiles: Iterable<Profile>): Profile | undefined;
  /** A name that nothing has yet. @throws AppError INPUT_INVALID (reason 'name'): the one that was wished for is taken */
  nameAmong(taken: ReadonlySet<string>): string;
  /** The lines of the profile, the first of them without indentation. */
  lines(name: string): string[];
}

export interface Draft extends Addition {
  missing: null;
  preset: PresetName;
  because: string;
  notes: readonly string[];
}

export interface Missing {
  missing: 'issuer' | 'workspace' | 'clientId' | 'clientSecret' | 'domain';
  what: string;
  known: readonly string[];
}

/**
 * The profile that is meant, or what has to be known first.
 *
 * @throws AppError INPUT_INVALID: addresses that are none, two issuers, an account, a preset that is none, a name that is none
 */
export function draftProfile(request: ProfileInitRequest): Draft | Missing {
  const { issuer: typed, workspaces } = sortAddresses(request);
  if (workspaces.length === 0) return lacks('workspace', 'the address of the workspace, such as https://acme.cloud.databricks.com', []);
  if (typed === undefined)
    return lacks(
      'issuer',
      'the issuer of your identity provider',
      workspaces.map((host) => `${host} is a workspace of Databricks.`),
    );
  if (typed === null) return draftOf(workspaceItself(request, workspaces), request);
  const found = recognise(typed, request.preset);
  const { displayName, sendsClientSecret = false, redirect } = presets[found.preset];
  const known = [`${displayName}: ${found.because}`, `Register as redirect: ${redirect.register}.`];
  const { clientId, clientSecret, domain } = request;
  if (clientId === undefined)
    return lacks('clientId', 'the client id of the public (native) client that is registered for Lakepass', known);
  if (found.preset === 'google' && domain === undefined) return lacks('domain', 'the domain of your organisation', known);
  if (sendsClientSecret && clientSecret === undefined)
    return lacks('clientSecret', 'the client secret of that client, which is not confidential', known);
  const idp = {
    ...{ preset: found.preset, issuer: found.issuer, clientId },
    ...(sendsClientSecret ? { clientSecret } : {}),
    ...(domain === undefined ? {} : { domain }),
  };
  return draftOf({ ...found, idp, workspaces }, request);
}

const lacks = (missing: Missing['missing'], what: string, known: readonly string[]): Missing => ({ missing, what, known });

const wrong = (reason: string, detail: string): AppError => new AppError('INPUT_INVALID', { reason, detail });

/** What people copy is the document, or lacks its scheme; an issuer is written as it stands there, so nothing else of it is touched. */
function tidy(typed: string): string {
  const text = typed.trim().replace(/\/\.well-known\/(?:openid-configuration|oauth-authorization-server)$/, '');
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  if (!URL.canParse(address) || !/^https?:\/\/[^\s\\@]+$/.test(address))
    throw wrong('address', 'Write whole addresses, such as https://acme.okta.com https://acme.cloud.databricks.com.');
  return address;
}

interface Sorted {
  /** null: there is none; undefined: nobody has said. */
  issuer: string | null | undefined;
  /** Origins. */
  workspaces: string[];
}

/** Which is which: a host in a domain of Databricks is a workspace, what is left the issuer. On one machine, in a test, the first is the issuer. */
function sortAddresses({ addresses, issuer: named, workspace, test }: ProfileInitRequest): Sorted {
  const all = addresses.map(tidy);
  const [ofDatabricks, others] = [all.filter(isWorkspace), all.filter((address) => !isWorkspace(address))];
  const spare = named === undefined ? others.slice(1) : others;
  const issuer = named === undefined ? others[0] : named === null ? null : tidy(named);
  const local = test ? spare.filter((address) => ['localhost', '127.0.0.1'].includes(new URL(address).hostname)) : [];
  if (spare.length > local.length)
    throw wrong('addresses', 'One issuer belongs to a profile, and its workspaces are hosts in a domain of Databricks.');
  const hosts = [...ofDatabricks, ...local, ...(workspace === undefined ? [] : [tidy(workspace)])].map(originOf);
  const account = hosts.find((host) => /^https:\/\/accounts(-dod)?\./.test(host));
  if (account !== undefined) throw wrong('workspace', `${account} serves accounts; name a workspace.`);
  return { issuer, workspaces: [...new Set(hosts)] };
}

const isWorkspace = (address: string): boolean => isOfDatabricks(new URL(address).hostname);

interface Recognised {
  preset: PresetName;
  issuer: string;
  because: string;
  notes: readonly string[];
}

/** The preset, by what the issuer looks like; a slash too many or too few is put right where the provider is known for its own. */
function recognise(typed: string, wished: string | undefined): Recognised {
  if (wished !== undefined) {
    const preset = presetNames.find((name) => name === wished && name !== 'databricks');
    if (preset === undefined) throw wrong('preset', `Choose ${presetNames.filter((name) => name !== 'databricks').join(', ')}.`);
    return { preset, issuer: typed, because: 'it was named with --preset.', notes: [] };
  }
  const flipped = typed.endsWith('/') ? typed.slice(0, -1) : `${typed}/`;
  for (const issuer of [typed, flipped]) {
    const preset = presetOf(issuer);
    if (preset === 'generic' || preset === 'databricks' || !presets[preset].issuer.pattern.test(issuer)) continue;
    const notes = issuer === typed ? [] : [`The issuer is ${issuer}, ${issuer.endsWith('/') ? 'with' : 'without'} a slash at its end.`];
    return { preset, issuer, because: `${issuer} looks like an issuer of it.`, notes };
  }
  // In the right place, and yet not as it must be written: the schema says how.
  const near = presetOf(typed);
  if (near !== 'generic') return { preset: near, issuer: typed, because: `${typed} looks like an issuer of it.`, notes: [] };
  return { preset: 'generic', issuer: typed, because: `${typed} is of no provider that Lakepass knows by its address.`, notes: [] };
}

interface Parts extends Recognised {
  idp: { preset: PresetName; issuer: string; clientId: string; clientSecret?: string | undefined; domain?: string };
  workspaces: readonly string[];
}

function workspaceItself({ clientId }: ProfileInitRequest, workspaces: readonly string[]): Parts {
  const [host = '', ...more] = workspaces;
  if (clientId !== undefined)
    throw wrong(
      'issuer',
      'A client id needs the issuer it is registered at; for an OAuth app of the account: `lakepass login HOST --client-id`.',
    );
  if (more.length > 0) throw wrong('workspace', 'Where a workspace signs people in itself, each has a profile of its own.');
  const issuer = workspaceIssuer(host);
  return {
    ...{ preset: 'databricks', issuer, because: 'no issuer was named, so the workspace signs people in itself.' },
    notes: ['Its tokens are not narrowed: each opens all you may do in Databricks. With an issuer of your company they can be.'],
    ...{ idp: { preset: 'databricks', issuer, clientId: builtInClient }, workspaces },
  };
}

function draftOf({ preset, because, notes, idp, workspaces }: Parts, { name, test }: ProfileInitRequest): Draft {
  return {
    ...{ missing: null, preset, because, notes },
    find(profiles) {
      const isSame = ({ idp: held, workspaces: hosts, name: other }: Profile): boolean =>
        held.preset === preset &&
        held.issuer === idp.issuer &&
        held.clientId === idp.clientId &&
        (name ?? other) === other &&
        isDeepStrictEqual(hosts.map(({ host }) => host).sort(), [...workspaces].sort());
      return [...profiles].find(isSame);
    },
    nameAmong: (taken) => freeName(name, shortName(workspaces[0] ?? ''), taken),
    lines: (own) => [
      `${own}:`,
      ...(test ? ['  test: true'] : []),
      '  idp:',
      ...(preset === 'generic' ? [] : [`    preset: ${preset}`]),
      `    issuer: ${quoted(idp.issuer)}`,
      ...(preset === 'databricks' ? [] : [`    clientId: ${quoted(idp.clientId)}`]),
      ...(idp.clientSecret === undefined ? [] : [`    clientSecret: ${quoted(idp.clientSecret)}`]),
      ...(idp.domain === undefined ? [] : [`    hostedDomains: [${quoted(idp.domain)}]`]),
      '  workspaces:',
      ...namedApart(workspaces).flatMap(([own, host]) => [`    - name: ${own}`, `      host: ${quoted(host)}`]),
    ],
  };
}

/** Each under a short name of its own. */
function namedApart(hosts: readonly string[]): [string, string][] {
  const taken = new Set<string>();
  return hosts.map((host) => {
    const own = freeName(undefined, shortName(host), taken);
    taken.add(own);
    return [own, host];
  });
}
