/** A few words on a button whose meaning its sign does not give away. Never the only place where something is said. */
import { Tooltip as Base } from '@base-ui/react/tooltip';
import type { ReactElement } from 'react';
import popup from './Popup.module.css';

/** @param children one element that can have the focus, and takes a `ref` and props as they are */
export function Tooltip({ text, children }: { text: string; children: ReactElement }) {
  return (
    <Base.Root>
      <Base.Trigger render={children} />
      <Base.Portal>
        <Base.Positioner className={popup.place} sideOffset={6}>
          <Base.Popup className={popup.tip}>{text}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
