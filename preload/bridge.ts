/**
 * What a page is given: functions by name, and values. No event, no channel of its own choice and nothing of `ipcRenderer` reaches it.
 * What it may call is decided again in the main process.
 */
import type { IpcRenderer } from 'electron';
import {
  type Bridge,
  callChannel,
  callsOf,
  revisionChannel,
  viewChannel,
  views,
  type Wanted,
  type WindowKind,
} from './contract/desktop.ts';

type Ipc = Pick<IpcRenderer, 'invoke' | 'on'>;

export function createBridge(window: WindowKind, ipc: Ipc): Bridge {
  const call = Object.fromEntries(callsOf[window].map((name) => [name, (input: unknown) => ipc.invoke(callChannel, { name, input })]));
  const revisions = createHearing(ipc, revisionChannel, (value): value is number => typeof value === 'number');
  const asked = createHearing(ipc, viewChannel, isWanted);
  return Object.freeze({ window, call: Object.freeze(call), onRevision: revisions.listen, onView: asked.listen });
}

function isWanted(value: unknown): value is Wanted {
  if (typeof value !== 'object' || value === null) return views.some((view) => view === value);
  return Object.keys(value).join() === 'enroll' && typeof (value as { enroll: unknown }).enroll === 'string';
}

/** Listens from the start, for the page may come to it later: what came last waits for the first who asks. */
function createHearing<T>(ipc: Ipc, channel: string, isValue: (value: unknown) => value is T) {
  const listeners = new Set<(value: T) => void>();
  let last: { value: T } | undefined;
  ipc.on(channel, (_event, value: unknown) => {
    if (!isValue(value)) return;
    if (listeners.size === 0) last = { value };
    for (const listener of listeners) listener(value);
  });
  return {
    listen(listener: (value: T) => void): () => void {
      // One of its own for each call, so that whoever stops stops only their own.
      const hear = (value: T): void => listener(value);
      listeners.add(hear);
      if (last !== undefined) hear(last.value);
      last = undefined;
      return () => void listeners.delete(hear);
    },
  };
}
