/** A button. It is a real one: keyboard, screen reader and forced colours come with it. */
import type { ReactNode, Ref } from 'react';
import styles from './Button.module.css';
import { Icon, type IconName } from './icons.tsx';

interface ButtonProps {
  children: ReactNode;
  /** Left out where the button sends the form it stands in. */
  onPress?: () => void;
  type?: 'button' | 'submit';
  look?: 'primary' | 'plain' | 'quiet' | 'danger';
  /** 'large': the one thing to do on a screen; 'compact': one of several in a line. */
  size?: 'normal' | 'large' | 'compact';
  icon?: IconName;
  isDisabled?: boolean;
  isBusy?: boolean;
  /** What a screen reader says where the text alone would be ambiguous; it begins with the text. */
  label?: string | undefined;
  describedBy?: string;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({
  children,
  onPress,
  type = 'button',
  look = 'plain',
  size = 'normal',
  icon,
  isDisabled = false,
  isBusy = false,
  label,
  describedBy,
  ref,
}: ButtonProps) {
  return (
    <button
      ref={ref}
      type={type}
      className={[styles.button, look === 'plain' ? '' : styles[look], size === 'normal' ? '' : styles[size]].filter(Boolean).join(' ')}
      disabled={isDisabled || isBusy}
      aria-busy={isBusy || undefined}
      aria-label={label}
      aria-describedby={describedBy}
      onClick={onPress}
    >
      {icon === undefined ? null : <Icon name={icon} />}
      {children}
    </button>
  );
}
