import React, { type ChangeEvent, lazy, Suspense, useId } from 'react';
import { CoreApp, type TimeRange } from '@grafana/data';
import { t } from '@grafana/i18n';
import { EditorField, EditorRow } from '@grafana/plugin-ui';
import { Alert, Button, Combobox, Input, LoadingPlaceholder, RadioButtonGroup } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { unbuild } from '../query/builder';
import { type BelfryQuery, type Format } from '../types';
import { Explanation } from './Explanation';
import { MetricBuilder } from './MetricBuilder';
import { Distinct, Exemplars, Live, Units } from './Toggles';

const PromQLEditor = lazy(() => import('./PromQLEditor'));

interface Props {
  query: BelfryQuery;
  source: BelfryDataSource;
  range?: TimeRange;
  app?: CoreApp;
  /** Whether the answer can go on by itself. */
  canFollow: boolean;
  /** The query is changed, and not asked yet. */
  onChange: (query: BelfryQuery) => void;
  /** The query is changed, and asked. */
  onRun: (query: BelfryQuery) => void;
}

/** A query of metrics, put together from fields or written as PromQL. */
export function MetricsEditor({ query, source, app, canFollow, onChange, onRun }: Props) {
  const expr = query.expr ?? '';
  const wantsBuilder = (query.editorMode ?? 'code') === 'builder';
  const built = wantsBuilder ? unbuild(expr) : undefined;
  return (
    <>
      {wantsBuilder && !built && (
        <Alert
          severity="info"
          title={t('builder.cannot', 'The builder cannot show this expression, so it is shown as code.')}
        >
          <Button variant="secondary" size="sm" onClick={() => onRun({ ...query, expr: '' })}>
            {t('builder.anew', 'Begin anew')}
          </Button>
        </Alert>
      )}
      {built ? (
        <MetricBuilder built={built} source={source} onChange={(next) => onRun({ ...query, expr: next })} />
      ) : (
        <Suspense fallback={<LoadingPlaceholder text={t('code.loading', 'Loading the editor…')} />}>
          <PromQLEditor
            expr={expr}
            source={source}
            onChange={(next) => onChange({ ...query, expr: next })}
            onRun={(next) => onRun({ ...query, expr: next })}
          />
        </Suspense>
      )}
      <Explanation expr={expr} source={source} />
      <Options query={query} app={app} canFollow={canFollow} onRun={onRun} />
    </>
  );
}

type QueryType = 'range' | 'instant' | 'both';

function typeOf({ range, instant }: BelfryQuery): QueryType {
  if (instant && range) {
    return 'both';
  }
  return instant ? 'instant' : 'range';
}

function Options({ query, app, canFollow, onRun }: Pick<Props, 'query' | 'app' | 'canFollow' | 'onRun'>) {
  const ids = { legend: useId(), step: useId(), format: useId() };
  const type = typeOf(query);
  return (
    <EditorRow>
      <EditorField
        label={t('options.legend', 'Legend')}
        tooltip={t('options.legend-tooltip', 'A name for each series: text with labels, such as {{labels}}.', {
          labels: '{{asset}} {{point}}',
        })}
        htmlFor={ids.legend}
        width={24}
      >
        <Input
          id={ids.legend}
          defaultValue={query.legendFormat ?? ''}
          placeholder="{{asset}}"
          onBlur={(event: ChangeEvent<HTMLInputElement>) => onRun({ ...query, legendFormat: event.target.value })}
        />
      </EditorField>
      <EditorField
        label={t('options.step', 'Min step')}
        tooltip={t('options.step-tooltip', 'The shortest time between two points, such as 30s.')}
        htmlFor={ids.step}
        width={12}
      >
        <Input
          id={ids.step}
          width={12}
          defaultValue={query.interval ?? ''}
          placeholder={t('options.step-auto', 'auto')}
          onBlur={(event: ChangeEvent<HTMLInputElement>) => onRun({ ...query, interval: event.target.value })}
        />
      </EditorField>
      <EditorField label={t('options.format', 'Format')} htmlFor={ids.format} width={18}>
        <Combobox<Format>
          id={ids.format}
          value={query.format ?? 'time_series'}
          options={[
            { value: 'time_series', label: t('format.time_series', 'Time series') },
            { value: 'table', label: t('format.table', 'Table') },
            { value: 'heatmap', label: t('format.heatmap', 'Heatmap') },
          ]}
          onChange={(choice) => onRun({ ...query, format: choice.value })}
        />
      </EditorField>
      <EditorField label={t('options.type', 'Type')}>
        <RadioButtonGroup
          aria-label={t('options.type', 'Type')}
          value={type}
          options={[
            { value: 'range', label: t('type.range', 'Range') },
            { value: 'instant', label: t('type.instant', 'Instant') },
            { value: 'both', label: t('type.both', 'Both') },
          ].filter(({ value }) => value !== 'both' || app === CoreApp.Explore || type === 'both')}
          onChange={(value: string) => onRun({ ...query, range: value !== 'instant', instant: value !== 'range' })}
        />
      </EditorField>
      <Exemplars query={query} onChange={onRun} />
      {(query.format ?? 'time_series') === 'time_series' && (
        <>
          <Distinct query={query} onChange={onRun} />
          <Units query={query} onChange={onRun} />
          {canFollow && <Live query={query} onChange={onRun} />}
        </>
      )}
    </EditorRow>
  );
}
