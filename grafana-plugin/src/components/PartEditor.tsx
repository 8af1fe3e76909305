import React, { type ChangeEvent, useId } from 'react';
import { t } from '@grafana/i18n';
import { EditorField, EditorRow, EditorRows } from '@grafana/plugin-ui';
import { Combobox, Input, RadioButtonGroup } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { FILTER_FIELDS, filterOf } from '../query/interpolate';
import { type BelfryQuery, type PartKind } from '../types';
import { FilterField } from './FilterField';
import { groups, type Choice } from './words';
import { Live } from './Toggles';

interface Props {
  kind: Exclude<PartKind, 'anomalies'>;
  query: BelfryQuery;
  source: BelfryDataSource;
  /** Whether the answer can go on by itself. */
  canFollow: boolean;
  /** Whether the answer becomes marks on panels, which are shown in one way only. */
  marks: boolean;
  onChange: (query: BelfryQuery) => void;
}

const BY = {
  hazards: ['severity', 'domain', 'team', 'street', 'district', 'rule', 'status'],
  response: ['team', 'street', 'district', 'domain', 'severity'],
} as const;

function shows(kind: Props['kind']): Choice[] {
  switch (kind) {
    case 'hazards':
      return [
        { value: 'table', label: t('hazards.table', 'Table') },
        { value: 'counts', label: t('hazards.counts', 'Count over time') },
        { value: 'open', label: t('hazards.open', 'Open now') },
      ];
    case 'assets':
      return [
        { value: 'table', label: t('assets.table', 'Table') },
        { value: 'map', label: t('assets.map', 'Map') },
      ];
    case 'events':
      return [
        { value: 'logs', label: t('events.logs', 'Logs') },
        { value: 'counts', label: t('events.counts', 'Count over time') },
      ];
    case 'response':
      return [
        { value: 'summary', label: t('response.summary', 'Summary') },
        { value: 'time_to_resolve', label: t('response.time_to_resolve', 'Time to resolve') },
        { value: 'open_by_age', label: t('response.open_by_age', 'Open by age') },
        { value: 'repeats', label: t('response.repeats', 'Repeats') },
        { value: 'opened', label: t('response.opened', 'Opened') },
      ];
  }
}

/** What is asked of hazards, assets, events or response times: how it is shown, and of which. */
export function PartEditor({ kind, query, source, canFollow, marks, onChange }: Props) {
  const part: Record<string, unknown> = { ...query[kind] };
  const set = (change: Record<string, unknown>) => onChange({ ...query, [kind]: { ...part, ...change } });
  const show = typeof part.show === 'string' ? part.show : shows(kind)[0].value;
  const fixed = marks && (kind === 'hazards' || kind === 'events');
  const grouped = kind === 'response' || (kind === 'hazards' && show !== 'table' && !fixed);
  const follows = canFollow && (kind === 'hazards' || kind === 'assets') && show !== 'counts';
  return (
    <EditorRows>
      <EditorRow>
        {!fixed && (
          <EditorField label={t('field.show', 'Show')}>
            <RadioButtonGroup
              aria-label={t('field.show', 'Show')}
              options={shows(kind)}
              value={show}
              onChange={(value) => set({ show: value })}
            />
          </EditorField>
        )}
        {grouped && <By kind={kind} value={part.by} onChange={(by) => set({ by })} />}
        {kind !== 'response' && <SearchAndLimit part={part} set={set} />}
        {follows && <Live query={query} onChange={onChange} />}
      </EditorRow>
      <EditorRow>
        {FILTER_FIELDS[kind].map((field) => (
          <FilterField
            key={field}
            field={field}
            value={filterOf(part, field)}
            source={source}
            onChange={(words) => set({ [field]: words })}
          />
        ))}
      </EditorRow>
    </EditorRows>
  );
}

function By({
  kind,
  value,
  onChange,
}: {
  kind: 'hazards' | 'response';
  value: unknown;
  onChange: (by: string) => void;
}) {
  const id = useId();
  return (
    <EditorField label={t('field.by', 'By')} htmlFor={id} width={16}>
      <Combobox
        id={id}
        options={groups<string>(BY[kind])}
        value={typeof value === 'string' ? value : BY[kind][0]}
        onChange={(choice) => onChange(choice.value)}
      />
    </EditorField>
  );
}

interface PartProps {
  part: Record<string, unknown>;
  set: (change: Record<string, unknown>) => void;
}

function SearchAndLimit({ part, set }: PartProps) {
  const q = useId();
  const limit = useId();
  return (
    <>
      <EditorField
        label={t('field.q', 'Search')}
        tooltip={t('field.q-tooltip', 'A part of an id, a name or a text, in either language.')}
        htmlFor={q}
        width={20}
      >
        <Input
          id={q}
          defaultValue={typeof part.q === 'string' ? part.q : ''}
          onBlur={(event: ChangeEvent<HTMLInputElement>) => set({ q: event.target.value })}
        />
      </EditorField>
      <EditorField label={t('field.limit', 'At most')} htmlFor={limit} width={10}>
        <Input
          id={limit}
          width={10}
          type="number"
          min={1}
          defaultValue={typeof part.limit === 'number' ? part.limit : undefined}
          placeholder={t('field.limit-placeholder', 'all')}
          onBlur={(event: ChangeEvent<HTMLInputElement>) =>
            set({ limit: event.target.value === '' ? undefined : Math.max(1, Math.trunc(Number(event.target.value))) })
          }
        />
      </EditorField>
    </>
  );
}
