/** One of several, unfolded when it is wanted. For two to four short ones take `Segmented`. */
import { Select as Base } from '@base-ui/react/select';
import { useId } from 'react';
import { Icon } from './icons.tsx';
import popup from './Popup.module.css';
import styles from './Select.module.css';

export interface Option<V extends string> {
  value: V;
  label: string;
  /** A few words more on what it means. */
  hint?: string;
}

interface SelectProps<V extends string> {
  label: string;
  /** The label is for readers alone: what stands around it says the same. */
  isLabelHidden?: boolean;
  value: V;
  options: readonly Option<V>[];
  isDisabled?: boolean;
  onChange: (value: V) => void;
}

export function Select<V extends string>({ label, isLabelHidden = false, value, options, isDisabled = false, onChange }: SelectProps<V>) {
  const id = useId();
  return (
    <div className={styles.field}>
      <span id={id} className={isLabelHidden ? 'hidden' : styles.label}>
        {label}
      </span>
      <Base.Root
        items={options.map(({ value, label }) => ({ value, label }))}
        value={value}
        disabled={isDisabled}
        modal={false}
        onValueChange={(chosen) => chosen !== null && onChange(chosen)}
      >
        <Base.Trigger className={styles.trigger} aria-labelledby={`${id} ${id}-value`}>
          <Base.Value id={`${id}-value`} className={styles.value} />
          <Icon name="down" />
        </Base.Trigger>
        <Base.Portal>
          <Base.Positioner className={popup.place} sideOffset={4} alignItemWithTrigger={false}>
            <Base.Popup className={popup.popup} aria-labelledby={id}>
              <Base.List>
                {options.map((option) => (
                  <Base.Item key={option.value} value={option.value} className={popup.item}>
                    <Base.ItemIndicator className={popup.mark}>
                      <Icon name="verified" />
                    </Base.ItemIndicator>
                    <Base.ItemText className={popup.words}>{option.label}</Base.ItemText>
                    {option.hint === undefined ? null : <span className={popup.hint}>{option.hint}</span>}
                  </Base.Item>
                ))}
              </Base.List>
            </Base.Popup>
          </Base.Positioner>
        </Base.Portal>
      </Base.Root>
    </div>
  );
}
