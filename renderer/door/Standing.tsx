/** What any page of ours shows while it has nothing else to show: the line is being opened, may not be opened, or is lost. */
import type { Failure } from '../../preload/contract/failure.ts';
import { texts } from '../texts.ts';
import { WithCommands } from '../ui/Notice.tsx';
import { Command, Page } from '../ui/Page.tsx';
import { Progress } from '../ui/Progress.tsx';
import type { Host } from './host.ts';

export type Standing = { phase: 'opening' } | { phase: 'no-code' } | { phase: 'refused'; failure: Failure } | { phase: 'lost' };

export function StandingPage({
  standing,
  host,
  heading = texts.opening.heading,
}: {
  standing: Standing;
  host: Host['kind'];
  heading?: string;
}) {
  switch (standing.phase) {
    case 'opening':
      return (
        <Page icon="person" heading={heading}>
          <Progress label={texts.opening.text} />
        </Page>
      );
    case 'no-code':
      return (
        <Page icon="key" heading={texts.noCode.heading}>
          <p>{texts.noCode.text}</p>
          <p>
            {texts.noCode.next} <Command>{texts.noCode.command}</Command>
          </p>
        </Page>
      );
    case 'refused':
      return (
        <Page icon="stop" heading={texts.refused.heading} look="bad">
          <p role="status">{standing.failure.cause}</p>
          <p>
            <WithCommands text={standing.failure.next} />
          </p>
        </Page>
      );
    case 'lost':
      return (
        <Page icon="broken" heading={texts.lost.heading} look="bad">
          <p role="status">{texts.lost.text[host]}</p>
          <p>
            {texts.lost.next[host]} {host === 'browser' ? <Command>{texts.lost.command}</Command> : null}
          </p>
        </Page>
      );
  }
}
