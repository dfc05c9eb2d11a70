/** The question that `lakepass policy explain` asks, from its options. */
import { resolve } from 'node:path';
import { type CallerKind, callerKinds } from '../../preload/contract/caller.ts';
import { AppError } from '../app-error.ts';
import { cloudOf, resolveScopes } from '../databricks/scopes.ts';
import { identities, type Question } from '../policy/question.ts';
import type { EpochMs } from '../units.ts';

export interface Asked {
  json?: boolean;
  as: string;
  identity: string;
  workspace: string;
  scope: string[];
  caller?: string;
  kind?: string;
  aiAgent?: string;
  parent: string[];
  action: string;
  issuer: string;
  group: string[];
  claim: string[];
  assurance: string;
  authAge?: string;
  acr?: string;
  address: string[];
  at?: string;
}

/** @throws AppError INPUT_INVALID | SCOPE_UNKNOWN: that is no question */
export function questionFrom(options: Asked, now: number): Question {
  const at = options.at === undefined ? now : Date.parse(options.at);
  if (Number.isNaN(at)) throw wrong('at', 'Write the time as 2026-09-16T09:00:00Z.');
  const workspace = originOf(options.workspace);
  const aiAgent = options.aiAgent ?? null;
  return {
    action: among(options.action, ['create', 'widen', 'use', 'renew'] as const, 'action'),
    at: at as EpochMs,
    profile: 'explained',
    identity: among(options.identity, identities, 'identity'),
    person: {
      issuer: options.issuer,
      subject: options.as,
      username: options.as,
      groups: options.group,
      claims: claimsFrom(options.claim),
    },
    session: {
      assurance: among(options.assurance, ['phr', 'config-asserted', 'mfa', 'unknown'] as const, 'assurance'),
      authTime: options.authAge === undefined ? null : ((at - minutesFrom(options.authAge)) as EpochMs),
      acr: options.acr ?? null,
    },
    tapKeys: [],
    caller: {
      kind: kindFrom(options),
      executable: options.caller === undefined ? null : pathFrom(options.caller),
      parents: options.parent,
      aiAgent,
      interpreter: null,
    },
    addresses: options.address,
    workspace,
    scopes: scopesFrom(options.scope, workspace),
    life: null,
  };
}

function kindFrom({ kind, aiAgent, caller }: Asked): CallerKind {
  if (kind !== undefined) return among(kind, callerKinds, 'kind');
  if (aiAgent !== undefined) return 'ai-agent';
  return caller === undefined ? 'unknown' : 'program';
}

/** A program named without a slash could be any of that name. */
function pathFrom(caller: string): string {
  return caller.includes('/') ? resolve(caller) : caller;
}

/** "all-apis" is no scope that could be asked for, but what would become of it may be. */
function scopesFrom(words: readonly string[], workspace: string): string[] {
  const known = words.filter((word) => word !== 'all-apis');
  const everything = known.length < words.length ? ['all-apis'] : [];
  return [...everything, ...(known.length === 0 && everything.length > 0 ? [] : resolveScopes(known, cloudOf(workspace), 'either'))].sort();
}

function claimsFrom(claims: readonly string[]): Record<string, string[]> {
  const found = new Map<string, string[]>();
  for (const claim of claims) {
    const at = claim.indexOf('=');
    if (at <= 0) throw wrong('claim', 'Write a claim as name=value.');
    const name = claim.slice(0, at);
    found.set(name, [...(found.get(name) ?? []), claim.slice(at + 1)]);
  }
  return Object.fromEntries(found);
}

function originOf(text: string): string {
  const address = text.includes('://') ? text : `https://${text}`;
  if (!URL.canParse(address)) throw wrong('workspace', 'Write the origin of the workspace.');
  return new URL(address).origin;
}

function minutesFrom(text: string): number {
  if (!/^[0-9]{1,7}$/.test(text)) throw wrong('auth-age', 'Write the age in minutes.');
  return Number(text) * 60_000;
}

function among<T extends string>(text: string, known: readonly T[], option: string): T {
  const found = known.find((word) => word === text);
  if (found === undefined) throw wrong(option, `Choose one of: ${known.join(', ')}.`);
  return found;
}

const wrong = (reason: string, detail: string): AppError => new AppError('INPUT_INVALID', { reason, detail });
