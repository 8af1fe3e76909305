import React, { useCallback, useId } from 'react';
import { t } from '@grafana/i18n';
import { InputGroup } from '@grafana/plugin-ui';
import { Button, Combobox } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { type Matcher, type MatchOperator } from '../query/promql';
import { askable, isLabel, measuredChoices, withTyped, wordChoices } from './choices';
import { Finder } from './Finder';

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
  const of = askable(select);
  const labels = useCallback(
    async (typed: string) => {
      const names = await source.resources.labels(of).catch(() => []);
      const found = wordChoices(
        names.filter((l) => l !== '__name__'),
        typed
      );
      return withTyped(found, typed, isLabel);
    },
    [source, of]
  );
  const values = useCallback(
    async (typed: string) => {
      if (matcher.name === 'asset') {
        return withTyped(await measuredChoices(source, typed, of).catch(() => []), typed);
      }
      const all = await source.resources.labelValues(matcher.name, of).catch(() => []);
      return withTyped(wordChoices(all, typed), typed);
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
      <Finder
        aria-labelledby={`${id}-label`}
        minWidth={10}
        options={labels}
        value={matcher.name}
        onChange={(name = '') => onChange({ ...matcher, name })}
      />
      <Combobox
        aria-labelledby={`${id}-op`}
        width="auto"
        minWidth={6}
        options={OPERATORS.map((value) => ({ value, label: value }))}
        value={matcher.op}
        onChange={(choice) => onChange({ ...matcher, op: choice.value })}
      />
      <Finder
        aria-labelledby={`${id}-value`}
        minWidth={14}
        options={values}
        value={matcher.value}
        onChange={(value = '') => onChange({ ...matcher, value })}
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
