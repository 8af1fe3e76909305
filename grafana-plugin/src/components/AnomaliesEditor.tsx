import React, { type ChangeEvent, lazy, Suspense, useCallback, useId } from 'react';
import { t } from '@grafana/i18n';
import { EditorField, EditorRow } from '@grafana/plugin-ui';
import { Input, LoadingPlaceholder } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { type AnomaliesPart, type BelfryQuery } from '../types';
import { withTyped } from './choices';
import { Explanation } from './Explanation';
import { Finder } from './Finder';
import { Distinct } from './Toggles';

const PromQLEditor = lazy(() => import('./PromQLEditor'));

interface Props {
  query: BelfryQuery;
  source: BelfryDataSource;
  onRun: (query: BelfryQuery) => void;
}

/** Which watched series are shown, with what their detector expected of them. */
export function AnomaliesEditor({ query, source, onRun }: Props) {
  const ids = { detector: useId(), limit: useId() };
  const part = query.anomalies ?? {};
  const set = (change: Partial<AnomaliesPart>) => onRun({ ...query, anomalies: { ...part, ...change } });
  const detectors = useCallback(
    async (typed: string) => {
      const all = await source.resources.detectors().catch(() => []);
      const found = all
        .filter((d) => d.name.includes(typed))
        .map((d) => ({ value: d.name, label: d.name, description: d.select?.join(', ') }));
      return withTyped(found, typed);
    },
    [source]
  );
  return (
    <>
      <EditorField
        label={t('anomalies.select', 'Of series')}
        tooltip={t('anomalies.select-tooltip', 'A selector of series that a detector watches, such as {{example}}', {
          example: 'structure_strain_microstrain{asset="B1"}',
        })}
      >
        <Suspense fallback={<LoadingPlaceholder text={t('code.loading', 'Loading the editor…')} />}>
          <PromQLEditor
            expr={part.select ?? ''}
            source={source}
            onChange={() => undefined}
            onRun={(select) => set({ select })}
          />
        </Suspense>
      </EditorField>
      <Explanation expr={part.select ?? ''} source={source} />
      <EditorRow>
        <EditorField
          label={t('anomalies.detector', 'Detector')}
          tooltip={t('anomalies.detector-tooltip', 'Nothing: whichever watches the series.')}
          htmlFor={ids.detector}
          width={28}
        >
          <Finder
            id={ids.detector}
            options={detectors}
            value={part.detector || null}
            isClearable={true}
            placeholder={t('filter.any', 'Any')}
            onChange={(detector) => set({ detector: detector ?? '' })}
          />
        </EditorField>
        <EditorField label={t('anomalies.limit', 'Series at most')} htmlFor={ids.limit} width={12}>
          <Input
            id={ids.limit}
            width={12}
            type="number"
            min={1}
            defaultValue={part.limit ?? 20}
            onBlur={(event: ChangeEvent<HTMLInputElement>) =>
              set({ limit: Math.max(1, Math.trunc(Number(event.target.value)) || 20) })
            }
          />
        </EditorField>
        <Distinct query={query} onChange={onRun} />
      </EditorRow>
    </>
  );
}
