import React, { type ChangeEvent, useCallback, useId } from 'react';
import { type QueryEditorProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { EditorField, EditorRow, EditorRows } from '@grafana/plugin-ui';
import { Combobox, Input } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { type BelfryOptions, type BelfryQuery, type BelfryVariableQuery } from '../types';
import { askable, isLabel, withTyped, wordChoices } from './choices';
import { FilterField } from './FilterField';
import { Finder } from './Finder';
import { variables } from './words';

type Props = QueryEditorProps<BelfryDataSource, BelfryQuery, BelfryOptions, BelfryVariableQuery>;

const FILTERS = ['domain', 'district', 'street', 'team'] as const;
const OWN_FIELD: Record<string, string> = {
  domains: 'domain',
  districts: 'district',
  streets: 'street',
  teams: 'team',
};

/** What the values of a dashboard's variable are. */
export function VariableEditor({ query, datasource, onChange }: Props) {
  const ids = { of: useId(), label: useId(), select: useId(), q: useId() };
  const of = query.of ?? 'domains';
  const set = (change: Partial<BelfryVariableQuery>) =>
    onChange({ ...query, refId: query.refId || 'variable', of, ...change });
  const labels = useCallback(
    async (typed: string) => {
      const known = await datasource.resources.labels(askable(query.select ?? '')).catch(() => []);
      return withTyped(wordChoices(known, typed), typed, isLabel);
    },
    [datasource, query.select]
  );
  const hasSelector = of === 'label_values' || of === 'metrics';
  return (
    <EditorRows>
      <EditorRow>
        <EditorField label={t('variable.of', 'Values')} htmlFor={ids.of} width={24}>
          <Combobox id={ids.of} options={variables()} value={of} onChange={(choice) => set({ of: choice.value })} />
        </EditorField>
        {of === 'label_values' && (
          <EditorField label={t('variable.label', 'Label')} htmlFor={ids.label} width={24}>
            <Finder id={ids.label} value={query.label ?? null} options={labels} onChange={(label) => set({ label })} />
          </EditorField>
        )}
        {hasSelector && (
          <EditorField
            label={t('variable.select', 'Of series')}
            tooltip={t(
              'variable.select-tooltip',
              'A selector, such as gas_ch4_lel_percent or {asset=~"$asset"}; nothing means all.'
            )}
            htmlFor={ids.select}
            width={40}
          >
            <Input
              id={ids.select}
              defaultValue={query.select ?? ''}
              placeholder='gas_ch4_lel_percent{asset=~"$asset"}'
              onBlur={(event: ChangeEvent<HTMLInputElement>) => set({ select: event.target.value })}
            />
          </EditorField>
        )}
        {of === 'assets' && (
          <EditorField
            label={t('field.q', 'Search')}
            tooltip={t('variable.q-tooltip', 'A part of an id or a name, or the pinyin initials of a Chinese name.')}
            htmlFor={ids.q}
            width={24}
          >
            <Input
              id={ids.q}
              defaultValue={query.q ?? ''}
              onBlur={(event: ChangeEvent<HTMLInputElement>) => set({ q: event.target.value })}
            />
          </EditorField>
        )}
      </EditorRow>
      {!hasSelector && (
        <EditorRow>
          {FILTERS.filter((field) => field !== OWN_FIELD[of]).map((field) => (
            <FilterField
              key={field}
              field={field}
              value={query[field]}
              source={datasource}
              onChange={(words) => set({ [field]: words })}
            />
          ))}
        </EditorRow>
      )}
    </EditorRows>
  );
}
