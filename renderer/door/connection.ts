/**
 * The UI's line to the agent: one value says how it stands. When the agent says that something has changed, what is shown is fetched
 * whole, one fetch at a time. When the line breaks nothing old is shown, and it is tried again. Which way it goes depends on where
 * the page is: over HTTP from a browser, over the bridge from a window of the desktop app.
 */
import type { Bridge } from '../../preload/contract/desktop.ts';
import type { Failure } from '../../preload/contract/failure.ts';
import type { UiCall, UiInput, UiOutput, UiState } from '../../preload/contract/ui.ts';
import { bridgeLine } from './bridge-line.ts';
import { takeCode } from './code.ts';
import { httpLine } from './http-line.ts';

export type Connection<Shown = UiState> =
  | { phase: 'opening' }
  | { phase: 'no-code' }
  | { phase: 'refused'; failure: Failure }
  | { phase: 'open'; state: Shown }
  | { phase: 'lost' };

export interface Line<Shown = UiState> {
  current(): Connection<Shown>;
  subscribe(listener: () => void): () => void;
  /** One call of the UI. A refused bearer closes the page; no answer at all means that the line is lost. @throws Unreachable | Refused */
  ask<N extends UiCall>(name: N, input: UiInput<N>): Promise<UiOutput<N>>;
}

/** The line of the UI, by whichever way there is. In a browser it takes the code out of the address, before anything else can see it. */
export const openLine = (bridge: Bridge | undefined): Line => (bridge === undefined ? httpLine(takeCode()) : bridgeLine(bridge, 'state'));
