import React, { useCallback, useId } from 'react';
import { t } from '@grafana/i18n';
import { EditorField } from '@grafana/plugin-ui';
import { MultiCombobox, type ComboboxOption } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { type Filter } from '../types';
import { choicesFor } from './choices';
import { fieldLabel } from './words';

interface Props {
  field: string;
  value: Filter | undefined;
  source: BelfryDataSource;
  onChange: (words: Filter) => void;
}

/** Words of one filter, chosen from those that Belfry has, or typed; `!word` excludes. */
export function FilterField({ field, value = [], source, onChange }: Props) {
  const id = useId();
  const options = useCallback((typed: string) => choicesFor(source, field, typed), [source, field]);
  return (
    <EditorField label={fieldLabel(field)} htmlFor={id} width={24}>
      <MultiCombobox
        id={id}
        value={value.map((word) => ({ value: word, label: word }))}
        options={options}
        createCustomValue={true}
        isClearable={true}
        placeholder={t('filter.any', 'Any')}
        onChange={(chosen: Array<ComboboxOption<string>>) => onChange(chosen.map((c) => c.value))}
      />
    </EditorField>
  );
}
