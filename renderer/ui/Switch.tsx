/** Something that is on or off, and changes at once. */
import { Switch as Base } from '@base-ui/react/switch';
import { useId } from 'react';
import styles from './Switch.module.css';

interface SwitchProps {
  label: string;
  hint?: string;
  isOn: boolean;
  isDisabled?: boolean;
  /** 'compact': its words stand close to it, as one act of several. */
  size?: 'normal' | 'compact';
  /** What a reader says in place of the label, where several have the same; it begins with the label. */
  fullLabel?: string;
  onChange: (isOn: boolean) => void;
}

export function Switch({ label, hint, isOn, isDisabled = false, size = 'normal', fullLabel, onChange }: SwitchProps) {
  const id = useId();
  const words = (
    <span className={styles.words}>
      <span id={id} className={styles.label}>
        {label}
      </span>
      {hint === undefined ? null : (
        <span id={`${id}-hint`} className="small">
          {hint}
        </span>
      )}
    </span>
  );
  return (
    <div className={size === 'compact' ? `${styles.field} ${styles.compact}` : styles.field}>
      {size === 'compact' ? null : words}
      <Base.Root
        nativeButton
        render={<button type="button" />}
        className={styles.track}
        checked={isOn}
        disabled={isDisabled}
        {...(fullLabel === undefined ? { 'aria-labelledby': id } : { 'aria-label': fullLabel })}
        {...(hint === undefined ? {} : { 'aria-describedby': `${id}-hint` })}
        onCheckedChange={(checked) => onChange(checked)}
      >
        <Base.Thumb className={styles.thumb} />
      </Base.Root>
      {size === 'compact' ? words : null}
    </div>
  );
}
