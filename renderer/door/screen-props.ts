/** What every screen is given: the line to the agent, what it is shown in, and all there is to show. */
import type { UiState } from '../../preload/contract/ui.ts';
import type { Line } from './connection.ts';
import type { Host } from './host.ts';

export interface ScreenProps {
  line: Line;
  host: Host;
  state: UiState;
}
