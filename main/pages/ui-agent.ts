/** The agent as the UI knows it: one function for each call of the contract, and the one way in for whatever comes from a page or a window. */
import { type UiCall, type UiOutput, type UiParsed, uiCalls } from '../../preload/contract/ui.ts';
import { AppError } from '../app-error.ts';
import type { Caller } from '../caller/caller.ts';

/** `by` is the program at the other end: a browser, unless somebody pretends, or the desktop app itself. */
export type UiAgent = { readonly [N in UiCall]: (input: UiParsed<N>, by: Caller) => UiOutput<N> | Promise<UiOutput<N>> };

/**
 * Runs one call. What comes in and what goes out both pass the contract's schemas: what these do not name crosses neither way.
 *
 * @throws AppError INPUT_INVALID: `input` is not what the call takes; or whatever the call throws
 */
export async function callUi(ui: UiAgent, name: UiCall, input: unknown, by: Caller): Promise<unknown> {
  const { input: takes, output: gives } = uiCalls[name];
  const parsed = takes.safeParse(input);
  if (!parsed.success) throw new AppError('INPUT_INVALID', { detail: parsed.error.issues[0]?.path.join('.') ?? '' });
  const run = ui[name] as (input: unknown, by: Caller) => unknown;
  return gives.parse(await run(parsed.data, by));
}
