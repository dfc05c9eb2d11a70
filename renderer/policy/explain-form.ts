/** The form that asks the policy "what if", and what it becomes when it is sent. */
import { type CallerKind, callerKinds } from '../../preload/contract/caller.ts';
import { explainRequestSchema } from '../../preload/contract/policy.ts';
import type { UiInput, UiState } from '../../preload/contract/ui.ts';
import { texts } from '../texts.ts';

const words = texts.policy.explain;
type Bundles = UiState['bundles'];

/** The access that is asked about by single scopes, and not by a bundle. */
export const byScopes = '';
export const actions = ['create', 'widen', 'use', 'renew'] as const;
export type Action = (typeof actions)[number];

export interface ExplainForm {
  /** `PROFILE HOST`, as in the list of places. */
  place: string;
  /** The name of a bundle, or `byScopes`. */
  bundle: string;
  scopes: string;
  program: string;
  kind: CallerKind;
  aiAgent: string;
  action: Action;
}
export type ExplainErrors = Partial<Record<'place' | 'scopes', string>>;

export interface Place {
  key: string;
  profile: string;
  host: string;
  words: string;
}

/** @param owners profiles and service principals: whoever has workspaces */
export function placesOf(owners: readonly Pick<UiState['status']['profiles'][number], 'name' | 'workspaces'>[]): Place[] {
  return owners.flatMap(({ name, workspaces }) =>
    workspaces.map((workspace) => ({
      key: `${name} ${workspace.host}`,
      profile: name,
      host: workspace.host,
      words: owners.length === 1 ? `${workspace.name} · ${workspace.host}` : `${name} · ${workspace.name} · ${workspace.host}`,
    })),
  );
}

export const emptyForm = (places: readonly Place[], bundles: Bundles): ExplainForm => ({
  place: places[0]?.key ?? '',
  bundle: bundles[0]?.name ?? byScopes,
  scopes: '',
  program: '',
  kind: callerKinds[0],
  aiAgent: '',
  action: 'create',
});

const scopesOf = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter((scope) => scope !== ''))];

export type Read = { ok: true; input: UiInput<'policy/explain'> } | { ok: false; errors: ExplainErrors };

/** The question, or what is missing from it, by field. */
export function readForm(form: ExplainForm, places: readonly Place[], bundles: Bundles): Read {
  const place = places.find(({ key }) => key === form.place);
  const scopes = form.bundle === byScopes ? scopesOf(form.scopes) : (bundles.find(({ name }) => name === form.bundle)?.scopes ?? []);
  const errors: ExplainErrors = {
    ...(place === undefined ? { place: words.workspaceMissing } : {}),
    ...(scopes.length === 0 ? { scopes: words.scopesMissing } : {}),
    ...(scopes.length > 32 ? { scopes: words.tooMany } : {}),
  };
  if (place === undefined || Object.keys(errors).length > 0) return { ok: false, errors };
  const aiAgent = form.kind === 'ai-agent' ? form.aiAgent.trim() : '';
  const { profile, host: workspace } = place;
  const input = { profile, workspace, scopes, action: form.action, program: form.program.trim(), kind: form.kind, aiAgent };
  const parsed = explainRequestSchema.safeParse(input);
  return parsed.success ? { ok: true, input } : { ok: false, errors: { scopes: words.scopeTooLong } };
}

/** Programs that have or had access, for the form to suggest: what the system said of them. */
export function knownPrograms(grants: UiState['grants']): string[] {
  const programs = grants
    .flatMap(({ caller }) => caller?.facts ?? [])
    .filter(({ name, proof }) => name === 'program' && proof === 'verified');
  return [...new Set(programs.map(({ value }) => value))].sort();
}
