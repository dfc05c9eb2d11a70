/**
 * What was used, from the audit log: who, from which program, on which workspace, with which scopes. It proves nothing about the log
 * (`lakepass audit verify` does), and what a record does not say for certain it leaves out and counts.
 */
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { type CallerKind, callerKinds } from '../../preload/contract/caller.ts';
import { readLines } from '../audit/lines.ts';
import { readAudit } from '../audit/read.ts';
import { decodeLine, type StoredRecord } from '../audit/record.ts';
import { accountScopeCatalogue, scopeCatalogue } from '../databricks/scopes.ts';
import { type Ms, ms } from '../units.ts';
import { workspaceProblem } from './glob.ts';
import type { Assurance } from './question.ts';

export interface Used {
  person: { issuer: string; username: string; assurance: Assurance };
  caller: { kind: CallerKind; executable: string | null; aiAgent: string | null };
  workspace: string;
  scope: string;
  /** How long the grant was to run. */
  life: Ms;
}

export interface Usage {
  used: Used[];
  /** Grants, programs and scopes that were used and cannot be told for certain, by what is missing. */
  leftOut: Readonly<Record<'person' | 'grant' | 'program' | 'workspace' | 'scope', number>>;
}

const types = ['session.signed-in', 'grant.created', 'grant.widened', 'token.served'];
/** So many records of these kinds are looked at, the newest. */
const MOST_RECORDS = 200_000;

/** The records that tell of use. @param path a segment of the log, or its folder. @throws the system's error when it cannot be read */
export async function readUsageRecords(path: string): Promise<StoredRecord[]> {
  if ((await stat(path)).isDirectory()) return (await readAudit(path, { limit: MOST_RECORDS, types })).records;
  const records: StoredRecord[] = [];
  for await (const { bytes } of readLines(path)) {
    const decoded = bytes === null ? null : decodeLine(bytes);
    if (decoded?.ok && types.includes(decoded.record.type)) records.push(decoded.record);
  }
  return records.slice(-MOST_RECORDS);
}

// Later versions may write more, and earlier ones wrote less.
const nameable = z.string().regex(/^\P{Cc}{1,256}$/u);
const signedIn = z.looseObject({
  type: z.literal('session.signed-in'),
  ...{ profile: z.string(), issuer: nameable, subject: z.string(), username: nameable },
  assurance: z.enum(['unknown', 'mfa', 'config-asserted', 'phr']),
});
const byProgram = { caller: z.string(), callerKind: z.enum(callerKinds), aiAgent: z.string().optional() };
const created = z.looseObject({
  type: z.literal('grant.created'),
  ...{ at: z.iso.datetime(), grant: z.string(), profile: z.string(), subject: z.string() },
  ...{ workspace: z.string(), scopes: z.array(z.string()), until: z.iso.datetime() },
  ...byProgram,
});
const widened = z.looseObject({ type: z.literal('grant.widened'), grant: z.string(), scopes: z.array(z.string()) });
const served = z.looseObject({ type: z.literal('token.served'), grant: z.string(), scopes: z.array(z.string()), ...byProgram });
const known = z.union([signedIn, created, widened, served]);

type Created = z.output<typeof created>;
type Program = Pick<Created, 'caller' | 'callerKind' | 'aiAgent'>;

/** @param records oldest first */
export function usageFrom(records: readonly StoredRecord[]): Usage {
  const people = new Map<string, Used['person']>();
  const grants = new Map<string, Created>();
  const usedGrants = new Set<string>();
  const found = new Map<string, Used>();
  const lost = {
    ...{ person: new Set<string>(), grant: new Set<string>(), program: new Set<string>() },
    ...{ workspace: new Set<string>(), scope: new Set<string>() },
  };

  function add(grant: Created, by: Program, scopes: readonly string[]): void {
    const person = people.get(`${grant.profile} ${grant.subject}`);
    const caller = callerOf(by);
    if (person === undefined) return void lost.person.add(grant.subject);
    if (caller === null) return void lost.program.add(by.caller);
    if (workspaceProblem(grant.workspace) !== null) return void lost.workspace.add(grant.workspace);
    const life = ms(Math.max(Date.parse(grant.until) - Date.parse(grant.at), 0));
    for (const scope of scopes) {
      if (!catalogue.has(scope)) {
        lost.scope.add(scope);
        continue;
      }
      const key = JSON.stringify([person.issuer, person.username, caller, grant.workspace, scope]);
      found.set(key, { person, caller, workspace: grant.workspace, scope, life: ms(Math.max(life, found.get(key)?.life ?? 0)) });
    }
  }

  for (const record of records) {
    const parsed = known.safeParse(record);
    if (!parsed.success) continue;
    const event = parsed.data;
    if (event.type === 'session.signed-in') {
      const { profile, subject, issuer, username, assurance } = event;
      people.set(`${profile} ${subject}`, {
        issuer,
        username,
        assurance: weaker(people.get(`${profile} ${subject}`)?.assurance, assurance),
      });
    } else if (event.type === 'grant.created') {
      grants.set(event.grant, event);
    } else if (event.type === 'grant.widened') {
      const grant = grants.get(event.grant);
      if (grant !== undefined) grants.set(event.grant, { ...grant, scopes: event.scopes });
    } else {
      const grant = grants.get(event.grant);
      if (grant === undefined) lost.grant.add(event.grant);
      else {
        usedGrants.add(event.grant);
        add(grant, event, event.scopes);
      }
    }
  }
  // Policy was asked about the program that made the grant as well.
  for (const grant of grants.values()) if (usedGrants.has(grant.grant)) add(grant, grant, grant.scopes);
  const used = [...found.values()].map((use) => ({ ...use, person: personNow(people, use.person) }));
  const { person, grant, program, workspace, scope } = lost;
  const leftOut = { person: person.size, grant: grant.size, program: program.size, workspace: workspace.size, scope: scope.size };
  return { used, leftOut };
}

const catalogue: ReadonlySet<string> = new Set([...scopeCatalogue, ...accountScopeCatalogue]);
const levels = ['unknown', 'mfa', 'config-asserted', 'phr'] as const;
const weaker = (one: Assurance | undefined, other: Assurance): Assurance =>
  one === undefined || levels.indexOf(other) < levels.indexOf(one) ? other : one;

/** With the weakest sign-in of all. */
const personNow = (people: ReadonlyMap<string, Used['person']>, { issuer, username }: Used['person']): Used['person'] => {
  const same = [...people.values()].filter((person) => person.issuer === issuer && person.username === username);
  return { issuer, username, assurance: same.map(({ assurance }) => assurance).reduce(weaker) };
};

/** null: the program cannot be named in a rule. A path that was cut in the log, or holds a star, would name others. */
function callerOf({ caller, callerKind, aiAgent }: Program): Used['caller'] | null {
  if (caller === 'unknown' && callerKind === 'unknown') return { kind: 'unknown', executable: null, aiAgent: null };
  const isPath = caller.startsWith('/') && !/[*…\p{Cc}]/u.test(caller) && caller.length <= 256;
  return isPath ? { kind: callerKind, executable: caller, aiAgent: aiAgent ?? null } : null;
}
