import React, { useId } from 'react';
import { CoreApp, type QueryEditorProps } from '@grafana/data';
import { t } from '@grafana/i18n';
import { EditorField, EditorHeader, EditorRows, FlexItem } from '@grafana/plugin-ui';
import { Button, Combobox } from '@grafana/ui';
import type { BelfryDataSource } from '../datasource';
import { defaultQuery, ofKind } from '../query/defaults';
import { type BelfryOptions, type BelfryQuery } from '../types';
import { AnomaliesEditor } from './AnomaliesEditor';
import { MetricsEditor } from './MetricsEditor';
import { ModeToggle } from './ModeToggle';
import { PartEditor } from './PartEditor';
import { kinds } from './words';

export type Props = QueryEditorProps<BelfryDataSource, BelfryQuery, BelfryOptions> & {
  /** What Grafana gives to the editor of an annotation. */
  annotation?: unknown;
};

/** One query: its kind, and what that kind asks. */
export function QueryEditor({ query: given, datasource, onChange, onRunQuery, app, range, annotation }: Props) {
  const id = useId();
  const query: BelfryQuery = { ...(given.kind || given.expr !== undefined ? {} : defaultQuery(app)), ...given };
  const kind = query.kind ?? 'metrics';
  const isAlert = app === CoreApp.UnifiedAlerting || app === CoreApp.CloudAlerting;

  // Marks are shown in one way; neither they nor alerts follow what changes.
  const marks = annotation !== undefined;
  const canFollow = !marks && !isAlert;

  const change = (next: BelfryQuery) => {
    onChange(next);
    // Also what is not finished: else the panel keeps the answer of what was asked before.
    onRunQuery();
  };

  return (
    <EditorRows>
      <EditorHeader>
        <EditorField label={t('field.query', 'Query')} htmlFor={id} width={28}>
          <Combobox id={id} options={kinds()} value={kind} onChange={(choice) => change(ofKind(query, choice.value))} />
        </EditorField>
        <FlexItem grow={1} />
        {kind === 'metrics' && <ModeToggle query={query} onChange={onChange} />}
        {!isAlert && (
          <Button variant="secondary" size="sm" icon="play" onClick={onRunQuery}>
            {t('query.run', 'Run')}
          </Button>
        )}
      </EditorHeader>
      {kind === 'metrics' && (
        <MetricsEditor
          query={query}
          source={datasource}
          range={range}
          app={app}
          canFollow={canFollow}
          onChange={onChange}
          onRun={change}
        />
      )}
      {kind === 'anomalies' && <AnomaliesEditor query={query} source={datasource} onRun={change} />}
      {kind !== 'metrics' && kind !== 'anomalies' && (
        <PartEditor
          key={kind}
          kind={kind}
          query={query}
          source={datasource}
          canFollow={canFollow}
          marks={marks}
          onChange={change}
        />
      )}
    </EditorRows>
  );
}
