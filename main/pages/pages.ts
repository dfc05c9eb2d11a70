/** The pages door as the agent sees it, and the agent as the pages door sees it. */
import type { z } from 'zod';
import type { GrantView } from '../../preload/contract/control.ts';
import type {
  answerRequestSchema,
  CeremonyRequest,
  CeremonyView,
  ceremonyFinishedSchema,
  ceremonyFinishSchema,
  UiState,
} from '../../preload/contract/pages.ts';
import type { Caller } from '../caller/caller.ts';

export interface Pages {
  /** `http://127.0.0.1:PORT/#CODE`; opens the door where it is closed. The code works once, for two minutes. */
  uiUrl(): Promise<URL>;
  /** `http://lakepass.localhost:PORT/#CODE` for one ceremony. */
  ceremonyUrl(ticket: string): Promise<URL>;
  /** `http://lakepass.localhost:PORT` */
  ceremonyOrigin(): string;
  /** A UI page listens right now, so that nobody needs to be shown another. */
  watched(): boolean;
  /** Something changed: pages that listen are told the new revision. */
  changed(): void;
  close(): Promise<void>;
}

/** `by` is the program at the other end of the page's connection: a browser, unless somebody pretends. */
export interface PagesAgent {
  uiState(): UiState;
  beginSignIn(profile: string | undefined): Promise<{ url: string }>;
  cancelSignIn(profile: string | undefined): boolean;
  signOut(profile: string | undefined): Promise<unknown>;
  /** A prompt has come before the person's eyes. */
  shown(ask: string): void;
  /** @throws AppError ASK_* | TAP_NEEDED | APPROVER_REFUSED | SPAN_REFUSED */
  answer(request: z.output<typeof answerRequestSchema>, by: Caller): void;
  snooze(minutes: number): void;
  /** The person looks at Lakepass. */
  attend(): void;
  revoke(ids: readonly string[]): Promise<number>;
  /** Asks for more scopes on a live grant; the request then stands in the queue. @throws AppError GRANT_UNKNOWN | POLICY_* | … */
  askToWiden(grant: string, scopes: readonly string[], by: Caller): GrantView;
  lock(): Promise<void>;
  renameKey(key: string, name: string): Promise<void>;
  /** @returns the ticket that `Pages.ceremonyUrl` takes. @throws AppError TAP_KEY_NEEDED | SIGN_IN_STALE | ASK_* | APPROVER_REFUSED */
  beginCeremony(request: CeremonyRequest, by: Caller): Promise<string>;
  /** @throws AppError PAGE_REFUSED: the ticket is spent or unknown */
  ceremony(ticket: string): CeremonyView;
  ceremonyOptions(ticket: string, origin: string): Promise<{ id: string; options: Record<string, unknown> }>;
  finishCeremony(
    ticket: string,
    answer: z.output<typeof ceremonyFinishSchema>,
    by: Caller,
  ): Promise<z.output<typeof ceremonyFinishedSchema>>;
  /** The person says no on the ceremony page. */
  refuseCeremony(ticket: string): void;
}
