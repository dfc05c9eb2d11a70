/** How `run` and `env` say which grant they want. */
import type { Command } from 'commander';
import { AppError } from '../app-error.ts';
import { bundles } from '../databricks/scopes.ts';
import { withProfile } from './common.ts';

export interface GrantOptions {
  scope: string[];
  workspace?: string;
  for?: string;
  label?: string;
  profile?: string;
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), ...value.split(/[\s,]+/).filter(Boolean)];

export const withScopes = (verb: Command): Command =>
  withProfile(verb)
    .requiredOption(
      '-s, --scope <names>',
      `scope bundles (${Object.keys(bundles).join(', ')}) or Databricks scopes, repeated or comma separated`,
      collect,
    )
    .option('-w, --workspace <name>', 'workspace by name or host; not needed when the profile has one');

export const withGrant = (verb: Command): Command =>
  withScopes(verb)
    .option('--for <time>', 'how long the grant runs: 30m, 8h, 2d (the profile sets the longest)')
    .option('--label <text>', 'a name to find the grant by');

const factors: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** The body of POST /v1/grants. @throws AppError INPUT_INVALID for a time that is none */
export function grantRequest(options: GrantOptions, label: string): Record<string, unknown> {
  return {
    scopes: options.scope,
    label: label.slice(0, 80),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.workspace === undefined ? {} : { workspace: options.workspace }),
    ...(options.for === undefined ? {} : { seconds: secondsOf(options.for) }),
  };
}

function secondsOf(text: string): number {
  const [, amount, unit] = /^([1-9][0-9]{0,6})\s?(s|m|min|h|d)$/.exec(text) ?? [];
  if (amount === undefined || unit === undefined)
    throw new AppError('INPUT_INVALID', { reason: 'for', detail: 'Write a time such as 30m, 8h or 2d.' });
  return Number(amount) * (factors[unit] ?? 0);
}
