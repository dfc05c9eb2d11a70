/** How the line to the agent stands, and what can be asked over it, whichever way it goes. */
import type { Failure } from '../../preload/contract/failure.ts';
import type { UiCall, UiInput, UiOutput, UiState } from '../../preload/contract/ui.ts';

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
