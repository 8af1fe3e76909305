import React, { useCallback, useId } from 'react';
import { t } from '@grafana/i18n';
import { InputGroup } from '@grafana/plugin-ui';
import { Button, Combobox } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { type Matcher, type MatchOperator } from '../query/promql';
import { assetChoices } from './choices';

interface Props {
  matcher: Matcher;
  /** The series that its labels and values are of. */
  select: string;
  source: BelfryDataSource;
  onChange: (matcher: Matcher) => void;
  onRemove: () => void;
}

const OPERATORS: MatchOperator[] = ['=', '!=', '=~', '!~'];

/** A label, how it is compared, and with what. */
export function MatcherField({ matcher, select, source, onChange, onRemove }: Props) {
  const id = useId();
  const of = select === '{}' ? undefined : select;
  const labels = useCallback(
    async (typed: string) => {
      const names = await source.resources.labels(of).catch(() => []);
      return names.filter((l) => l !== '__name__' && l.includes(typed)).map((value) => ({ value, label: value }));
    },
    [source, of]
  );
  const values = useCallback(
    async (typed: string) => {
      if (matcher.name === 'asset') {
        return assetChoices(source, typed).catch(() => []);
      }
      const all = await source.resources.labelValues(matcher.name, of).catch(() => []);
      return all.filter((v) => v.toLowerCase().includes(typed.toLowerCase())).map((value) => ({ value, label: value }));
    },
    [source, of, matcher.name]
  );
  return (
    <InputGroup>
      <span hidden id={`${id}-label`}>
        {t('builder.label', 'Label')}
      </span>
      <span hidden id={`${id}-op`}>
        {t('builder.operator', 'Comparison')}
      </span>
      <span hidden id={`${id}-value`}>
        {t('builder.value', 'Value')}
      </span>
      <Combobox
        aria-labelledby={`${id}-label`}
        width="auto"
        minWidth={10}
        options={labels}
        value={matcher.name}
        createCustomValue={true}
        onChange={(choice) => onChange({ ...matcher, name: choice.value })}
      />
      <Combobox
        aria-labelledby={`${id}-op`}
        width="auto"
        minWidth={6}
        options={OPERATORS.map((value) => ({ value, label: value }))}
        value={matcher.op}
        onChange={(choice) => onChange({ ...matcher, op: choice.value })}
      />
      <Combobox
        aria-labelledby={`${id}-value`}
        width="auto"
        minWidth={14}
        options={values}
        value={matcher.value}
        createCustomValue={true}
        onChange={(choice) => onChange({ ...matcher, value: choice.value })}
      />
      <Button
        variant="secondary"
        icon="times"
        aria-label={t('builder.labels-remove', 'Remove this label')}
        onClick={onRemove}
      />
    </InputGroup>
  );
}
