/** How `run` and `env` say which grant they want. */
import type { Command } from 'commander';
import { AppError } from '../app-error.ts';
import { bundles } from '../databricks/scopes.ts';
import { withWait } from './asking.ts';
import { withProfile } from './common.ts';
import { secondsOf } from './duration.ts';

export interface GrantOptions {
  /** None: the bundle `notebook`. */
  scope?: string[];
  workspace?: string;
  for?: string;
  label?: string;
  profile?: string;
  as?: string;
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), ...value.split(/[\s,]+/).filter(Boolean)];

export const withScopes = (verb: Command): Command =>
  withProfile(verb)
    .option(
      '-s, --scope <names>',
      `scope bundles (${Object.keys(bundles).join(', ')}) or Databricks scopes, repeated or comma separated; notebook without it`,
      collect,
    )
    .option('-w, --workspace <name>', 'workspace by name or host; not needed when the profile has one');

export const withGrant = (verb: Command): Command =>
  withWait(withScopes(verb))
    .option('--for <time>', 'how long the grant runs: 30m, 8h, 2d (profile and policy set the longest)')
    .option('--label <text>', 'a name to find the grant by');

/** What every request for scopes names. */
export const scopesRequest = ({ scope = [], profile, as, workspace }: GrantOptions): Record<string, unknown> => {
  if (profile !== undefined && as !== undefined && profile !== as)
    throw new AppError('INPUT_INVALID', { reason: 'as', detail: 'Name a profile or a service principal, not both.' });
  const name = profile ?? as;
  return {
    scopes: scope,
    ...(name === undefined ? {} : { profile: name }),
    ...(workspace === undefined ? {} : { workspace }),
  };
};

/** The body of POST /v1/grants. @throws AppError INPUT_INVALID for a time that is none */
export const grantRequest = (options: GrantOptions, binding: 'run' | 'tree' | 'file', label: string): Record<string, unknown> => ({
  ...scopesRequest(options),
  binding,
  label: label.slice(0, 80),
  ...(options.for === undefined ? {} : { seconds: secondsOf(options.for, 'for') }),
});
