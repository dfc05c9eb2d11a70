/**
 * What the windows ask, over one channel. Whatever comes in passes in this order: the frame it came from, the shape, the size, the list
 * of its window, the rate, the kind of ceremony, the schema; and only then the agent. What goes out is an `Outcome`: no error and no
 * stack ever crosses.
 */
import type { IpcMain, IpcMainInvokeEvent, WebContents } from 'electron';
import { z } from 'zod';
import {
  callChannel,
  callMessageSchema,
  callsOf,
  ceremoniesOf,
  type Outcome,
  type ShellCall,
  shellCalls,
  type WindowKind,
} from '../../preload/contract/desktop.ts';
import type { FailureCode } from '../../preload/contract/failure.ts';
import type { UiCall } from '../../preload/contract/ui.ts';
import { AppError, asAppError } from '../app-error.ts';
import type { Caller } from '../caller/caller.ts';
import { callUi, type UiAgent } from '../pages/ui-agent.ts';
import type { Clock, Log } from '../ports.ts';
import { createBucket } from './rate.ts';
import { pageUrls } from './window-options.ts';

/** What the shell itself does for a window. */
export type ShellActs = { readonly [N in ShellCall]: (input: z.output<(typeof shellCalls)[N]['input']>) => unknown };

interface Parts {
  ipcMain: Pick<IpcMain, 'handle'>;
  windows: { kindOf(contents: WebContents): WindowKind | undefined };
  ui: UiAgent;
  /** The app itself, as the program that asks. */
  self: () => Promise<Caller>;
  shell: ShellActs;
  clock: Clock;
  /** Counted; codes and reasons are of a fixed vocabulary. */
  refused: (refusal: { code: FailureCode; reason: string }) => void;
  log: Log;
}

/** Bytes of a call, as JSON. A first configuration comes with the text that a person has pasted. */
const sizeLimit = 16_384;
const sizeLimits: Readonly<Record<string, number>> = { 'setup/profile': 81_920, 'doctor/explain': 81_920 };
const rate = { size: 120, perSecond: 40 } as const;

const isShellCall = (name: string): name is ShellCall => Object.hasOwn(shellCalls, name);
const ceremonyKind = z.object({ kind: z.string() });

/** Registers the channel; there is no other. */
export function handleCalls(parts: Parts): void {
  const { clock, log } = parts;
  const buckets = new Map<WindowKind, () => boolean>();

  function mayPass(kind: WindowKind): boolean {
    const bucket = buckets.get(kind) ?? createBucket({ clock, ...rate });
    buckets.set(kind, bucket);
    return bucket();
  }

  /** All that the door itself decides. @throws AppError with the reason it is counted under */
  function admit(event: IpcMainInvokeEvent, message: unknown): { name: UiCall | ShellCall; input: unknown } {
    const kind = senderOf(event, parts.windows);
    if (kind === undefined) throw new AppError('PAGE_REFUSED', { reason: 'sender' });
    const parsed = callMessageSchema.safeParse(message);
    if (!parsed.success) throw new AppError('INPUT_INVALID', { reason: 'message' });
    const { input } = parsed.data;
    // check: call-of-window
    if (!callsOf[kind].some((name) => name === parsed.data.name)) throw new AppError('ROUTE_UNKNOWN', { reason: 'call' });
    // end check
    const name = parsed.data.name as UiCall | ShellCall;
    // check: call-size
    if (sizeOf(input) > (sizeLimits[name] ?? sizeLimit)) throw new AppError('INPUT_INVALID', { reason: 'size' });
    // end check
    // check: call-rate
    if (!mayPass(kind)) throw new AppError('DOOR_BUSY', { reason: 'rate' });
    // end check
    // check: ceremony-of-window
    if (name === 'ceremony/begin' && !ceremoniesOf[kind].includes(ceremonyKind.safeParse(input).data?.kind ?? ''))
      throw new AppError('INPUT_INVALID', { reason: 'ceremony' });
    // end check
    return { name, input };
  }

  async function run({ name, input }: { name: UiCall | ShellCall; input: unknown }): Promise<unknown> {
    if (!isShellCall(name)) return callUi(parts.ui, name, input, await parts.self());
    const parsed = shellCalls[name].input.safeParse(input);
    if (!parsed.success) throw new AppError('INPUT_INVALID', { detail: parsed.error.issues[0]?.path.join('.') ?? '' });
    await (parts.shell[name] as (input: unknown) => unknown)(parsed.data);
    return {};
  }

  async function answer(event: IpcMainInvokeEvent, message: unknown): Promise<Outcome> {
    let admitted: ReturnType<typeof admit>;
    try {
      admitted = admit(event, message);
    } catch (error) {
      const known = asAppError(error);
      parts.refused({ code: known.code, reason: known.reason ?? 'call' });
      return { ok: false, failure: known.toFailure() };
    }
    try {
      return { ok: true, value: await run(admitted) };
    } catch (error) {
      const known = asAppError(error);
      // What is not expected is said in the log, by its kind alone.
      if (known.code === 'INTERNAL') log('window.failed', { call: admitted.name, error: nameOf(known) });
      return { ok: false, failure: known.toFailure() };
    }
  }

  parts.ipcMain.handle(callChannel, answer);
}

const nameOf = ({ cause, reason }: AppError): string => (cause instanceof Error ? cause.name : (reason ?? 'unknown'));

/** Text that JSON cannot say (a cycle, a big integer) is of no call of ours. */
function sizeOf(input: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(input) ?? '');
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The window whose own page, in its main frame, sent this; undefined for everything else. */
function senderOf({ sender, senderFrame }: IpcMainInvokeEvent, windows: Parts['windows']): WindowKind | undefined {
  // check: sender-frame-alive
  // Gone or replaced while the message was on its way.
  if (senderFrame === null || senderFrame.isDestroyed() || senderFrame.detached) return undefined;
  // end check
  const kind = windows.kindOf(sender);
  if (kind === undefined) return undefined;
  // check: sender-main-frame
  if (senderFrame.parent !== null || senderFrame.frameTreeNodeId !== sender.mainFrame.frameTreeNodeId) return undefined;
  // end check
  // check: sender-url
  if (senderFrame.url.split('#')[0] !== pageUrls[kind]) return undefined;
  // end check
  return kind;
}
