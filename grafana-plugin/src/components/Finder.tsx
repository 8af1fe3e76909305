import React, { useCallback, useRef } from 'react';
import { Combobox, type ComboboxOption } from '@grafana/ui';

type Load = (typed: string) => Promise<ComboboxOption[]>;

interface Props {
  id?: string;
  'aria-labelledby'?: string;
  value: string | null;
  options: Load;
  placeholder?: string;
  /** As narrow as the value, but not narrower than this. */
  minWidth?: number;
  isClearable?: boolean;
  /** Nothing when it was cleared. */
  onChange: (value: string | undefined) => void;
}

/** One word out of those that are found for what is typed; Enter takes the first. */
export function Finder({ options, minWidth, isClearable, onChange, ...rest }: Props) {
  const awaited = useAwaited(options);
  const size = minWidth === undefined ? {} : { width: 'auto' as const, minWidth };
  return (
    <div onKeyDownCapture={awaited.holdEnter}>
      {isClearable ? (
        <Combobox
          {...rest}
          {...size}
          options={awaited.options}
          isClearable={true}
          onChange={(choice) => onChange(choice?.value)}
        />
      ) : (
        <Combobox {...rest} {...size} options={awaited.options} onChange={(choice) => onChange(choice.value)} />
      )}
    </div>
  );
}

/**
 * Until the answer for what is typed is there, a combobox shows what it found
 * before, and Enter would take that. So Enter is held until then.
 */
export function useAwaited(load: Load) {
  const asked = useRef<string>();
  const found = useRef<string>();
  const options = useCallback<Load>(
    async (typed) => {
      asked.current = typed;
      const choices = await load(typed);
      if (asked.current === typed) {
        found.current = typed;
      }
      return choices;
    },
    [load]
  );
  const holdEnter = useCallback((event: React.KeyboardEvent) => {
    const { target } = event;
    if (event.key === 'Enter' && target instanceof HTMLInputElement && target.value !== found.current) {
      event.stopPropagation();
    }
  }, []);
  return { options, holdEnter };
}
