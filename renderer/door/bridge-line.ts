/** The line from a window of the desktop app: calls go over the bridge, which also says that something has changed. */
import { type Bridge, outcomeSchema } from '../../preload/contract/desktop.ts';
import { type UiCall, type UiInput, type UiOutput, uiCalls } from '../../preload/contract/ui.ts';
import { misunderstood, Refused, Unreachable } from './call.ts';
import type { Line } from './line.ts';
import { createWatch, tryUntilOpen } from './watch.ts';

/**
 * One call over the bridge.
 * @throws Unreachable: the other side is gone, or knows no such call | Refused
 */
export async function askBridge<N extends UiCall>(bridge: Bridge, name: N, input: UiInput<N>): Promise<UiOutput<N>> {
  const send = bridge.call[name];
  if (send === undefined) throw new Unreachable('no such call in this window');
  const answered = await send(input).catch((cause: unknown) => {
    throw new Unreachable('no answer', { cause });
  });
  const outcome = outcomeSchema.safeParse(answered);
  if (!outcome.success) throw new Refused(misunderstood());
  if (!outcome.data.ok) throw new Refused(outcome.data.failure);
  const value = uiCalls[name].output.safeParse(outcome.data.value);
  if (!value.success) throw new Refused(misunderstood());
  return value.data as UiOutput<N>;
}

/** @param shown what the window shows all the time: the state, or the requests alone */
export function bridgeLine<W extends 'state' | 'asks'>(bridge: Bridge, shown: W): Line<UiOutput<W>> {
  const watch = createWatch<UiOutput<W>>({ phase: 'opening' }, () => askBridge(bridge, shown, {} as UiInput<W>));
  const { keepTrying, lose } = tryUntilOpen(watch);

  bridge.onRevision(() => void watch.refresh().catch(lose));
  void keepTrying();

  return {
    current: watch.current,
    subscribe: watch.subscribe,
    async ask(name, input) {
      try {
        return await askBridge(bridge, name, input);
      } catch (error) {
        if (error instanceof Unreachable) lose();
        throw error;
      }
    },
  };
}
