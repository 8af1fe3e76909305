import React, { useCallback, useId, useRef } from 'react';
import { t } from '@grafana/i18n';
import { EditorField, EditorFieldGroup, EditorRow } from '@grafana/plugin-ui';
import { Button, Combobox, Switch } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { AGGREGATES, build, RANGE_FUNCTIONS, type Built } from '../query/builder';
import { selectorText, type Matcher } from '../query/promql';
import {
  askable,
  isDuration,
  isLabel,
  isMetric,
  measuredChoices,
  metricChoices,
  withTyped,
  wordChoices,
} from './choices';
import { Finder } from './Finder';
import { MatcherField } from './MatcherField';
import { MultiChoice } from './MultiChoice';

const WINDOWS = ['$__rate_interval', '$__interval', '1m', '5m', '15m', '1h', '24h'];

/** What the join with the catalog adds to series. */
const PLACES = ['street', 'district', 'team', 'name', 'name_zh'];

interface Props {
  built: Built;
  source: BelfryDataSource;
  onChange: (expr: string) => void;
}

/** An expression from fields: a metric, of which assets, over which time, taken together how. */
export function MetricBuilder({ built, source, onChange }: Props) {
  const set = (change: Partial<Built>) => onChange(build({ ...built, ...change }));
  return (
    <>
      <EditorRow>
        <Metric built={built} source={source} set={set} />
        <Asset built={built} source={source} set={set} />
        <Matchers built={built} source={source} set={set} />
      </EditorRow>
      <EditorRow>
        <OverTime built={built} set={set} />
        <Together built={built} source={source} set={set} />
        <Names built={built} set={set} />
      </EditorRow>
      {build(built) !== '' && <code>{build(built)}</code>}
    </>
  );
}

interface FieldProps {
  built: Built;
  source: BelfryDataSource;
  set: (change: Partial<Built>) => void;
}

function Metric({ built, source, set }: FieldProps) {
  const id = useId();
  const options = useCallback(
    async (typed: string) => withTyped(await metricChoices(source, typed).catch(() => []), typed, isMetric),
    [source]
  );
  return (
    <EditorField label={t('builder.metric', 'Metric')} htmlFor={id} width={36}>
      <Finder
        id={id}
        options={options}
        value={built.metric || null}
        placeholder={t('builder.metric-placeholder', 'Type a name, or what it measures')}
        onChange={(metric = '') => set({ metric })}
      />
    </EditorField>
  );
}

/** The matcher of the label asset, if it is one that chooses a single asset or is not there. */
function Asset({ built, source, set }: FieldProps) {
  const id = useId();
  const { metric } = built;
  const options = useCallback(
    async (typed: string) => {
      const select = metric === '' ? undefined : askable(selectorText(metric, []));
      return withTyped(await measuredChoices(source, typed, select).catch(() => []), typed);
    },
    [source, metric]
  );
  const at = built.matchers.findIndex((m) => m.name === 'asset');
  const matcher = built.matchers[at];
  if (matcher && matcher.op !== '=') {
    return null;
  }
  const others = built.matchers.filter((m) => m.name !== 'asset');
  return (
    <EditorField
      label={t('field.asset', 'Asset')}
      tooltip={t('builder.asset-tooltip', 'By id, by name, or by the pinyin initials of its Chinese name.')}
      htmlFor={id}
      width={24}
    >
      <Finder
        id={id}
        options={options}
        value={matcher?.value ?? null}
        isClearable={true}
        placeholder={t('filter.any', 'Any')}
        onChange={(value) =>
          set({ matchers: value === undefined ? others : [{ name: 'asset', op: '=', value }, ...others] })
        }
      />
    </EditorField>
  );
}

function Matchers({ built, source, set }: FieldProps) {
  const replace = (i: number, matcher?: Matcher) =>
    set({ matchers: built.matchers.flatMap((m, j) => (i === j ? (matcher ?? []) : m)) });
  return (
    <EditorField label={t('builder.labels', 'Labels')}>
      <EditorFieldGroup>
        {built.matchers.map((matcher, i) =>
          matcher.name === 'asset' && matcher.op === '=' ? null : (
            <MatcherField
              key={i}
              matcher={matcher}
              select={selectorText(
                built.metric,
                built.matchers.filter((_, j) => j !== i)
              )}
              source={source}
              onChange={(next) => replace(i, next)}
              onRemove={() => replace(i)}
            />
          )
        )}
        <Button
          variant="secondary"
          icon="plus"
          aria-label={t('builder.labels-add', 'Add a label')}
          onClick={() => set({ matchers: [...built.matchers, { name: 'point', op: '=~', value: '.*' }] })}
        />
      </EditorFieldGroup>
    </EditorField>
  );
}

async function windows(typed: string) {
  return withTyped(wordChoices(WINDOWS, typed), typed, isDuration);
}

function OverTime({ built, set }: Omit<FieldProps, 'source'>) {
  const fn = useId();
  const window = useId();
  const none = { value: '', label: t('builder.none', 'none') };
  return (
    <>
      <EditorField label={t('builder.fn', 'Over time')} htmlFor={fn} width={20}>
        <Combobox
          id={fn}
          value={built.fn}
          options={[none, ...RANGE_FUNCTIONS.map((value) => ({ value, label: value }))]}
          onChange={(choice) => set({ fn: choice.value })}
        />
      </EditorField>
      {built.fn !== '' && (
        <EditorField label={t('builder.window', 'Of the last')} htmlFor={window} width={20}>
          <Finder id={window} value={built.window} options={windows} onChange={(window = '') => set({ window })} />
        </EditorField>
      )}
    </>
  );
}

function Together({ built, source, set }: FieldProps) {
  const aggregate = useId();
  const none = { value: '', label: t('builder.none', 'none') };
  // The labels that the series have without the catalog.
  const own = useRef<string[]>([]);
  const labels = useCallback(
    async (typed: string) => {
      own.current = await source.resources.labels(askable(built.metric)).catch(() => []);
      const all = new Set([...own.current, ...PLACES]);
      all.delete('__name__');
      return withTyped(wordChoices([...all], typed), typed, isLabel);
    },
    [source, built.metric]
  );
  const setBy = (by: string[]) => {
    const joins = by.some((label) => PLACES.includes(label) && !own.current.includes(label));
    set({ by, names: built.names || joins });
  };
  return (
    <>
      <EditorField label={t('builder.aggregate', 'Taken together')} htmlFor={aggregate} width={14}>
        <Combobox
          id={aggregate}
          value={built.aggregate}
          options={[none, ...AGGREGATES.map((value) => ({ value, label: value }))]}
          onChange={(choice) => set({ aggregate: choice.value, by: choice.value === '' ? [] : built.by })}
        />
      </EditorField>
      {built.aggregate !== '' && (
        <EditorField label={t('field.by', 'By')} width={24}>
          <MultiChoice name={t('field.by', 'By')} value={built.by} options={labels} onChange={setBy} />
        </EditorField>
      )}
    </>
  );
}

function Names({ built, set }: Omit<FieldProps, 'source'>) {
  const id = useId();
  return (
    <EditorField
      label={t('builder.names', 'Names and places')}
      tooltip={t('builder.names-tooltip', 'Adds name, name_zh, street, district and team of the catalog as labels.')}
      htmlFor={id}
    >
      <Switch
        id={id}
        value={built.names}
        onChange={(event: React.FormEvent<HTMLInputElement>) => set({ names: event.currentTarget.checked })}
      />
    </EditorField>
  );
}
