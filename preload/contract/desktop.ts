/**
 * The bridge between a window of the desktop app and its main process. `preload/index.ts` and `preload/approval.ts` each expose one
 * frozen `window.lakepass`; there is no other channel. Which window may call what is decided by these lists, on both sides.
 */
import { z } from 'zod';
import { failureSchema } from './failure.ts';
import { type UiCall, type UiInput, type UiOutput, uiCallNames } from './ui.ts';

/** Pages on the web that a window may open, by name: no address of a page's own ever reaches the system browser. */
export const links = {
  readme: 'https://github.com/lakepass/lakepass#readme',
  problems: 'https://github.com/lakepass/lakepass#what-goes-wrong-and-the-fix',
  security: 'https://github.com/lakepass/lakepass/blob/main/SECURITY.md',
} as const;
export type LinkName = keyof typeof links;

const nothing = z.strictObject({});
const done = z.object({});

/** What a window asks of the shell itself. */
// biome-ignore format: one line per call, so that it reads as the table it is
export const shellCalls = {
  /** Puts what people copy, a shell line or a snippet, on the clipboard. @throws INPUT_INVALID: it looks like a token */
  'shell/copy': { input: z.strictObject({ text: z.string().min(1).max(4000) }), output: done },
  'shell/link': { input: z.strictObject({ link: z.enum(Object.keys(links) as [LinkName, ...LinkName[]]) }), output: done },
  /** Brings the request before the person again, in its own window. */
  'shell/approval': { input: nothing, output: done },
} as const;
export type ShellCall = keyof typeof shellCalls;

export const windowKinds = ['main', 'approval'] as const;
export type WindowKind = (typeof windowKinds)[number];

/** A request is answered in the approval window and nowhere else; that window can do nothing else. */
const approvalCalls = ['asks', 'shown', 'answer', 'ceremony/begin', 'snooze', 'attend'] as const satisfies readonly UiCall[];
const answering: readonly UiCall[] = ['shown', 'answer'];
export const callsOf: Readonly<Record<WindowKind, readonly (UiCall | ShellCall)[]>> = {
  main: [...uiCallNames.filter((name) => !answering.includes(name)), ...(Object.keys(shellCalls) as ShellCall[])],
  approval: approvalCalls,
};
/** What each window may begin a ceremony for: a tap approves a request. */
export const ceremoniesOf: Readonly<Record<WindowKind, readonly string[]>> = {
  main: ['enrol', 'remove', 'seal', 'unlock'],
  approval: ['tap'],
};

/** The one channel of `ipcRenderer.invoke`, and the one a new revision is pushed on. */
export const callChannel = 'lakepass:call';
export const revisionChannel = 'lakepass:revision';
/** The view a deep link, the tray or a notification has asked for. */
export const viewChannel = 'lakepass:view';

/** Deep links open views and do nothing else: `lakepass://VIEW`, and `lakepass://enroll?…`, which shows what a company offers. */
export const views = ['home', 'requests', 'grants', 'keys', 'activity', 'policy', 'doctor', 'settings'] as const;
export type View = (typeof views)[number];
/** A view, or what a company's link offers: whoever opened it has yet to look at it and to accept. */
export type Wanted = View | { readonly enroll: string };

export const callMessageSchema = z.strictObject({ name: z.string().max(40), input: z.unknown() });
/** Electron keeps only the message of a thrown error, so failures cross as values. */
export const outcomeSchema = z.union([
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), failure: failureSchema }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;

/** What `window.lakepass` is. Every call resolves to an `Outcome`; nothing is thrown across. */
export interface Bridge {
  readonly window: WindowKind;
  readonly call: Readonly<Record<string, (input: unknown) => Promise<unknown>>>;
  /** Both return how to stop listening. */
  onRevision(listener: (revision: number) => void): () => void;
  onView(listener: (wanted: Wanted) => void): () => void;
}

export type { UiCall, UiInput, UiOutput };
