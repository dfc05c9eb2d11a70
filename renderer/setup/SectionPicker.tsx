/** The sections of Databricks' profile file, and a new one. */
import { useId, useState } from 'react';
import type { SetupView } from '../../preload/contract/setup.ts';
import { texts } from '../texts.ts';
import { TextField } from '../ui/TextField.tsx';
import styles from './SectionPicker.module.css';
import { isSectionName, sectionChoices, suggestedSection } from './sections.ts';

const words = texts.setup.default;

interface SectionPickerProps {
  setup: SetupView;
  section: string;
  onChange: (section: string) => void;
}

export function SectionPicker({ setup, section, onChange }: SectionPickerProps) {
  const group = useId();
  const [isNew, setNew] = useState(false);
  return (
    <fieldset className={styles.sections}>
      <legend>{words.section}</legend>
      {sectionChoices(setup).map(({ name, host, notes }) => (
        <label key={name} className={styles.choice}>
          <input
            type="radio"
            name={group}
            checked={!isNew && section === name}
            onChange={() => {
              setNew(false);
              onChange(name);
            }}
          />
          <span className={styles.name}>{name}</span>
          <span className="small">{[...(host === null ? [] : [host]), ...notes].join(' · ')}</span>
        </label>
      ))}
      <label className={styles.choice}>
        <input
          type="radio"
          name={group}
          checked={isNew}
          onChange={() => {
            setNew(true);
            onChange(suggestedSection);
          }}
        />
        <span className={styles.name}>{words.newSection}</span>
      </label>
      {isNew ? (
        <div className={styles.field}>
          <TextField
            label={words.newSectionName}
            value={section}
            error={isSectionName(section) ? null : words.newSectionWrong}
            maxLength={64}
            isCode
            onChange={onChange}
          />
        </div>
      ) : null}
    </fieldset>
  );
}
