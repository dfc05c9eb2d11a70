/** What happened, how much of it, and whether the log that says so is whole. */
import type { ScreenProps } from '../door/screen-props.ts';
import { texts } from '../texts.ts';
import { Screen } from '../ui/Screen.tsx';
import { Charts } from './Charts.tsx';
import { Timeline } from './Timeline.tsx';
import { Verify } from './Verify.tsx';

export function Activity({ line, state }: ScreenProps) {
  return (
    <Screen heading={texts.activity.heading} lead={texts.activity.lead}>
      <Charts line={line} revision={state.revision} />
      <Timeline line={line} revision={state.revision} />
      <Verify line={line} />
    </Screen>
  );
}
