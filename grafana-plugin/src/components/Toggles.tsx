import React, { useId } from 'react';
import { t } from '@grafana/i18n';
import { EditorField } from '@grafana/plugin-ui';
import { Switch } from '@grafana/ui';
import { type BelfryQuery } from '../types';

interface Props {
  query: BelfryQuery;
  onChange: (query: BelfryQuery) => void;
}

type Flag = 'live' | 'exemplar' | 'distinct' | 'units';

function Toggle({ query, onChange, flag, label, tooltip }: Props & { flag: Flag; label: string; tooltip: string }) {
  const id = useId();
  return (
    <EditorField label={label} tooltip={tooltip} htmlFor={id}>
      <Switch
        id={id}
        value={Boolean(query[flag])}
        onChange={(event: React.FormEvent<HTMLInputElement>) =>
          onChange({ ...query, [flag]: event.currentTarget.checked })
        }
      />
    </EditorField>
  );
}

/** Whether the panel follows what changes. */
export function Live(props: Props) {
  return (
    <Toggle
      {...props}
      flag="live"
      label={t('field.live', 'Live')}
      tooltip={t('field.live-tooltip', 'Belfry sends what changes within a second; the panel needs no refresh.')}
    />
  );
}

/** Whether samples that senders gave as examples are drawn. */
export function Exemplars(props: Props) {
  return (
    <Toggle
      {...props}
      flag="exemplar"
      label={t('options.exemplars', 'Exemplars')}
      tooltip={t('options.exemplars-tooltip', 'Single samples that senders gave as examples, as dots.')}
    />
  );
}

/** Whether each line has a colour of its own. */
export function Distinct(props: Props) {
  return (
    <Toggle
      {...props}
      flag="distinct"
      label={t('options.distinct', 'Distinct colours')}
      tooltip={t(
        'options.distinct-tooltip',
        'A colour for each of up to ten lines that also the colour-blind can tell apart, instead of those of the panel.'
      )}
    />
  );
}

/** Whether values have the units of their metrics. */
export function Units(props: Props) {
  return (
    <Toggle
      {...props}
      flag="units"
      label={t('options.units', 'Units')}
      tooltip={t('options.units-tooltip', 'The unit that Belfry knows of a metric, instead of the unit of the panel.')}
    />
  );
}
