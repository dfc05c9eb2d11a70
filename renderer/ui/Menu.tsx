/** Acts that are seldom wanted, behind one button. */
import { Menu as Base } from '@base-ui/react/menu';
import button from './Button.module.css';
import { Icon, type IconName } from './icons.tsx';
import popup from './Popup.module.css';

export interface MenuItem {
  label: string;
  icon?: IconName;
  look?: 'plain' | 'danger';
  isDisabled?: boolean;
  onPress: () => void;
}

/** `label`: what the button says; with `isQuiet` only its sign is seen. */
export function Menu({ label, isQuiet = false, items }: { label: string; isQuiet?: boolean; items: readonly MenuItem[] }) {
  return (
    <Base.Root modal={false}>
      <Base.Trigger className={`${button.button} ${button.quiet}`} aria-label={isQuiet ? label : undefined}>
        {isQuiet ? null : label}
        <Icon name={isQuiet ? 'more' : 'down'} />
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner className={popup.place} sideOffset={4} align="end">
          <Base.Popup className={popup.popup}>
            {items.map(({ label, icon, look, isDisabled = false, onPress }) => (
              <Base.Item
                key={label}
                className={look === 'danger' ? `${popup.item} ${popup.danger}` : popup.item}
                disabled={isDisabled}
                onClick={onPress}
              >
                {icon === undefined ? null : <Icon name={icon} />}
                <span className={popup.words}>{label}</span>
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
