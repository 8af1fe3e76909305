import React, { useId } from 'react';
import { MultiCombobox, type ComboboxOption } from '@grafana/ui';
import { useAwaited } from './Finder';

interface Props {
  /** What it is called for those who do not see it. */
  name: string;
  value: string[];
  options: (typed: string) => Promise<ComboboxOption[]>;
  placeholder?: string;
  /** What people read for a chosen word. */
  labelOf?: (word: string) => string;
  onChange: (words: string[]) => void;
}

/** Several words, chosen or typed. Grafana's own has no id that a label could be for, so its name is beside it. */
export function MultiChoice({ name, value, options, placeholder, labelOf = (word) => word, onChange }: Props) {
  const id = useId();
  const awaited = useAwaited(options);
  return (
    <div onKeyDownCapture={awaited.holdEnter}>
      <span hidden id={id}>
        {name}
      </span>
      <MultiCombobox
        aria-labelledby={id}
        value={value.map((word) => ({ value: word, label: labelOf(word) }))}
        options={awaited.options}
        isClearable={true}
        placeholder={placeholder}
        onChange={(chosen: Array<ComboboxOption<string>>) => onChange(chosen.map((c) => c.value))}
      />
    </div>
  );
}
