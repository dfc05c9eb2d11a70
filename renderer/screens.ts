/** What the screens of the frame are given. One takes of it what it needs. */
import type { View } from '../preload/contract/desktop.ts';
import type { ScreenProps as Shown } from './door/screen-props.ts';

export interface ScreenProps extends Shown {
  /** Goes to another screen. */
  onOpen: (view: View) => void;
  /** Goes on with the setup, in place of Home. */
  onSetUp: () => void;
}
