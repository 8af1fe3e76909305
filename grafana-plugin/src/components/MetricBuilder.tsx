import React, { useCallback, useId } from 'react';
import { t } from '@grafana/i18n';
import { EditorField, EditorFieldGroup, EditorRow } from '@grafana/plugin-ui';
import { Button, Combobox, Switch } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { AGGREGATES, build, RANGE_FUNCTIONS, type Built } from '../query/builder';
import { selectorText, type Matcher } from '../query/promql';
import { assetChoices, metricChoices } from './choices';
import { MatcherField } from './MatcherField';
import { MultiChoice } from './MultiChoice';

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
      <code>{build(built)}</code>
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
  const options = useCallback((typed: string) => metricChoices(source, typed).catch(() => []), [source]);
  return (
    <EditorField label={t('builder.metric', 'Metric')} htmlFor={id} width={36}>
      <Combobox
        id={id}
        options={options}
        value={built.metric || null}
        createCustomValue={true}
        placeholder={t('builder.metric-placeholder', 'Type a name, or what it measures')}
        onChange={(choice) => set({ metric: choice.value })}
      />
    </EditorField>
  );
}

/** The matcher of the label asset, if it is one that chooses a single asset or is not there. */
function Asset({ built, source, set }: FieldProps) {
  const id = useId();
  const options = useCallback((typed: string) => assetChoices(source, typed).catch(() => []), [source]);
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
      <Combobox
        id={id}
        options={options}
        value={matcher?.value ?? null}
        createCustomValue={true}
        isClearable={true}
        placeholder={t('filter.any', 'Any')}
        onChange={(choice) =>
          set({ matchers: choice ? [{ name: 'asset', op: '=', value: choice.value }, ...others] : others })
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
          <Combobox
            id={window}
            value={built.window}
            createCustomValue={true}
            options={['$__rate_interval', '$__interval', '1m', '5m', '15m', '1h', '24h'].map((value) => ({
              value,
              label: value,
            }))}
            onChange={(choice) => set({ window: choice.value })}
          />
        </EditorField>
      )}
    </>
  );
}

function Together({ built, source, set }: FieldProps) {
  const aggregate = useId();
  const none = { value: '', label: t('builder.none', 'none') };
  const labels = useCallback(
    async (typed: string) => {
      const known = await source.resources.labels(built.metric || undefined).catch(() => []);
      const all = new Set([...known, ...(built.names ? ['street', 'district', 'team', 'name', 'name_zh'] : [])]);
      return [...all].filter((l) => l !== '__name__' && l.includes(typed)).map((value) => ({ value, label: value }));
    },
    [source, built.metric, built.names]
  );
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
          <MultiChoice name={t('field.by', 'By')} value={built.by} options={labels} onChange={(by) => set({ by })} />
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
