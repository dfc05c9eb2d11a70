/**
 * The support file: what helps somebody to see what is wrong, and nothing that opens anything. What may be in it is named here, field by field;
 * whatever else a view may hold one day stays out by itself. What is left still goes through a net for what looks like a secret.
 *
 * Hosts, names of profiles and scopes are in it. People are not: who is signed in, whose keys they are and what folders are called stays out.
 */
import type { StatusView } from '../../preload/contract/control.ts';
import type { DoctorView } from '../../preload/contract/doctor.ts';
import { withoutSecretShapes } from './secret-shapes.ts';

export interface BundleParts {
  version: string;
  /** Of the machine: system, its release, architecture, Node. */
  system: Readonly<Record<string, string>>;
  at: string;
  /** null where no agent runs. */
  status: StatusView | null;
  checks: DoctorView['checks'];
  /** Newest last. */
  audit: readonly Readonly<Record<string, unknown>>[];
  /** Lines of the agent's own log, newest last. */
  log: readonly string[];
  /** Folders whose names are the person's own, each with what stands for it. */
  folders: readonly (readonly [string, string])[];
}

const REMOVED = '[removed]';
/** Longer texts are cut: a sentence is shorter. */
const LONGEST = 500;

type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };

/** JSON of the support file. */
export function supportFile(parts: BundleParts): string {
  const { version, system, at, checks, status } = parts;
  const file = {
    what: 'A support file of Lakepass. It holds no token, no key and no name of a person. Read it before you send it.',
    ...{ version, at, system },
    checks: checks.map(({ id, title, state, finding, next, code }) => ({ id, title, state, finding, next, code })),
    status: status === null ? null : statusOf(status),
    audit: parts.audit.map(recordOf),
    log: parts.log.flatMap(logLine),
  };
  return `${JSON.stringify(cleaned(file, netFor(parts)), null, 1)}\n`;
}

/** The fields of a status that may leave the machine. */
function statusOf({ profiles, grants, lock, policy, queue, tapKeys, problems, warnings, servicePrincipals, ...rest }: StatusView): Plain {
  const { host, startedAt, vault, port } = rest;
  return {
    ...{ host, startedAt, vault, port },
    config: profiles.map(({ name, test, issuer, direct, session, workspaces }) => ({
      ...{ name, test, issuer, direct: direct ?? null },
      session: {
        ...{ phase: session.phase, renewable: session.renewable, endsAt: session.endsAt, renewedAt: session.renewedAt },
        ...{ assurance: session.assurance?.level ?? null, renewalProblem: session.renewalProblem?.code ?? null },
        lastFailure: session.lastFailure?.code ?? null,
      },
      workspaces: workspaces.map(({ name, host, health, accountId }) => ({ name, host, health, isAccount: accountId !== undefined })),
    })),
    servicePrincipals: servicePrincipals.map(({ name, proof, state, secretAgeDays, rotationDue, workspaces }) => ({
      ...{ name, proof, state, secretAgeDays, rotationDue },
      workspaces: workspaces.map(({ name, host, health }) => ({ name, host, health })),
    })),
    grants: grants.map(
      ({ id, profile, workspace, scopes, createdAt, until, binding, members, state, paused, lastUsedAt, served, caller }) => ({
        ...{ id, profile, workspace, scopes, createdAt, until, binding, members, state, paused, lastUsedAt, served },
        callerKind: caller?.kind ?? null,
      }),
    ),
    lock: { state: lock.state, why: lock.why, sealing: lock.sealing, continuing: lock.continuing },
    policy: { id: policy.id, revision: policy.revision, mode: policy.mode, expires: policy.expires },
    waiting: queue.asks.length,
    tapKeys: tapKeys.map(({ model, seals, hardwareBound }) => ({ model, seals, hardwareBound })),
    problems: problems.map(({ code, reason }) => ({ code, reason: reason ?? null })),
    warnings,
  };
}

/** Fields of records that name neither a person nor what a person has called something. */
const recordFields = [
  ...['seq', 'at', 'type', 'version', 'vault', 'port', 'reason', 'profile', 'issuer', 'assurance', 'acr', 'amr', 'authTime', 'code', 'why'],
  ...['expiresAt', 'refreshToken', 'rule', 'rules', 'workspace', 'scopes', 'narrowed', 'identity', 'requestId', 'tookMs', 'grant', 'lease'],
  ...[
    'callerKind',
    'aiAgent',
    'count',
    'door',
    'host',
    'until',
    'approved',
    'verb',
    'ask',
    'purpose',
    'approval',
    'verdict',
    'how',
    'span',
  ],
  ...['source', 'policy', 'revision', 'mode', 'action', 'state', 'segment', 'problem', 'droppedBytes', 'grants', 'keys', 'key', 'ends'],
] as const;

const recordOf = (record: Readonly<Record<string, unknown>>): Plain => picked(record, recordFields);

/** A line of the log is JSON of names and numbers; one that is not was written by somebody else. */
function logLine(line: string): Plain[] {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return [];
  }
  if (typeof value !== 'object' || value === null) return [];
  const fields = value as Record<string, unknown>;
  const known = picked(fields, ['level', 'time', 'msg', 'code', 'reason', 'count', 'check', 'name', 'route', 'method', 'status', 'lines']);
  return [known];
}

function picked(from: Readonly<Record<string, unknown>>, names: readonly string[]): Plain {
  const found = names.flatMap((name): [string, Plain][] => {
    const value = Object.hasOwn(from, name) ? from[name] : undefined;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null) return [[name, value]];
    if (Array.isArray(value)) return [[name, value.filter((each) => typeof each === 'string').slice(0, 64)]];
    return [];
  });
  return Object.fromEntries(found);
}

/** Every text of the file, the names of fields aside, which are ours. */
function cleaned(value: unknown, net: (text: string) => string): Plain {
  if (typeof value === 'string') return net(value.length > LONGEST ? `${value.slice(0, LONGEST).toWellFormed()}…` : value);
  if (Array.isArray(value)) return value.map((each) => cleaned(each, net));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cleaned(each, net)]));
  return typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

/** A person's name in an address of mail. */
const mail = /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g;

function netFor({ folders, status }: BundleParts): (text: string) => string {
  const people = (status?.profiles ?? []).flatMap(({ session: { identity } }) =>
    identity === null ? [] : [identity.username, identity.subject, identity.displayName],
  );
  const names: [string, string][] = people.filter((name) => name.length > 2).map((name) => [name, '[person]']);
  return (text) => {
    let safe = text;
    for (const [name, instead] of [...names, ...folders]) if (name.length > 1) safe = safe.replaceAll(name, instead);
    safe = safe.replace(mail, '[person]');
    // check: bundle-secret-net
    safe = withoutSecretShapes(safe, REMOVED);
    // end check
    return safe;
  };
}
