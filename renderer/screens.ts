/** What the screens of the frame are given. One takes of it what it needs. */
import type { View } from '../preload/contract/desktop.ts';
import type { ScreenProps as Shown } from './door/screen-props.ts';

/** The screens of the rail, and the one that a company's link leads to. */
export type Place = View | 'enroll';

export interface ScreenProps extends Shown {
  /** Goes to another screen. */
  onOpen: (place: Place) => void;
  /** Goes on with the setup, in place of Home. */
  onSetUp: () => void;
}
