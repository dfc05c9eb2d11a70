/** `lakepass ui`: opens the page where requests are answered, grants ended and keys kept. */
import type { Command } from 'commander';
import { uiOpenedSchema } from '../../../preload/contract/control.ts';
import { type CommonOptions, optionsFirst, reachAgent, withCommon } from '../common.ts';
import { printJson, printLine } from '../report.ts';

export const addUi = (program: Command): Command =>
  withCommon(program.command('ui').description('open Lakepass: its window, or its page in your browser'), 'lakepass ui').action(
    optionsFirst(ui),
  );

async function ui(options: CommonOptions): Promise<void> {
  const agent = await reachAgent(options);
  const opened = await agent.post('/v1/ui', {}, uiOpenedSchema);
  if (options.json === true) printJson(opened);
  else printLine(pageText(opened, 'Lakepass is open in your browser.'));
}

/** Where a page is; the address is good once and for two minutes. Without one, a window of the desktop app shows it. */
export function pageText({ url, browser }: { url: string | null; browser: 'opened' | 'none' | 'shown' }, opened: string): string {
  if (url === null) return 'The window of Lakepass is open.';
  return browser === 'shown'
    ? 'A page of Lakepass is open in your browser already.'
    : `${browser === 'opened' ? `${opened} If it did not open, use this address:` : 'Open this address in a browser on this machine:'}\n  ${url}`;
}
