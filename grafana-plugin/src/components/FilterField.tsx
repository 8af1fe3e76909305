import React, { useCallback } from 'react';
import { t } from '@grafana/i18n';
import { EditorField } from '@grafana/plugin-ui';
import type { BelfryDataSource } from '../datasource';
import { type Filter } from '../types';
import { choicesFor } from './choices';
import { MultiChoice } from './MultiChoice';
import { fieldLabel, not, wordOf } from './words';

interface Props {
  field: string;
  value: Filter | undefined;
  source: BelfryDataSource;
  onChange: (words: Filter) => void;
}

/** Words of one filter, chosen from those that Belfry has, or typed; `!word` excludes. */
export function FilterField({ field, value = [], source, onChange }: Props) {
  const options = useCallback((typed: string) => choicesFor(source, field, typed), [source, field]);
  return (
    <EditorField label={fieldLabel(field)} width={24}>
      <MultiChoice
        name={fieldLabel(field)}
        value={value}
        options={options}
        labelOf={(word) => (word.startsWith('!') ? not(wordOf(field, word.slice(1))) : wordOf(field, word))}
        placeholder={t('filter.any', 'Any')}
        onChange={onChange}
      />
    </EditorField>
  );
}
