import React from 'react';
import { css } from '@emotion/css';
import { type GrafanaTheme2 } from '@grafana/data';
import { t } from '@grafana/i18n';
import { useStyles2 } from '@grafana/ui';
import { useAsync } from 'react-use';
import type { BelfryDataSource } from '../datasource';
import { metricsOf } from '../query/promql';
import { describeMetric } from './choices';

/** What the metrics of an expression are, and in which units. */
export function Explanation({ expr, source }: { expr: string; source: BelfryDataSource }) {
  const styles = useStyles2(getStyles);
  const names = metricsOf(expr).join(' ');
  const { value: metrics } = useAsync(async () => {
    const wanted = names === '' ? [] : names.split(' ');
    return wanted.length === 0 ? [] : (await source.resources.metrics()).filter((m) => wanted.includes(m.name));
  }, [names, source]);
  if (!metrics || metrics.length === 0) {
    return null;
  }
  return (
    <dl className={styles.list} aria-label={t('explanation.label', 'What these metrics are')}>
      {metrics.map((metric) => (
        <div key={metric.name}>
          <dt className={styles.name}>{metric.name}</dt>
          <dd className={styles.text}>
            {describeMetric(metric, source.names())}
            {metric.series !== undefined && ` · ${t('explanation.series', '{{n}} series', { n: metric.series })}`}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function getStyles(theme: GrafanaTheme2) {
  return {
    list: css({ margin: 0, fontSize: theme.typography.bodySmall.fontSize, color: theme.colors.text.secondary }),
    name: css({ display: 'inline', fontFamily: theme.typography.fontFamilyMonospace, marginRight: theme.spacing(1) }),
    text: css({ display: 'inline', margin: 0 }),
  };
}
