import React from 'react';
import { t } from '@grafana/i18n';
import { RadioButtonGroup } from '@grafana/ui';
import { type BelfryQuery } from '../types';

/** Builder or code. An expression that the builder cannot show stays in code; the builder says so. */
export function ModeToggle({ query, onChange }: { query: BelfryQuery; onChange: (query: BelfryQuery) => void }) {
  return (
    <RadioButtonGroup
      aria-label={t('mode.label', 'Editor')}
      size="sm"
      value={query.editorMode ?? 'code'}
      options={[
        { value: 'builder', label: t('mode.builder', 'Builder') },
        { value: 'code', label: t('mode.code', 'Code') },
      ]}
      onChange={(editorMode: 'builder' | 'code') => onChange({ ...query, editorMode })}
    />
  );
}
