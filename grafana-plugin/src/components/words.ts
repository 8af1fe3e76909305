import { t } from '@grafana/i18n';
import { type Kind, type VariableOf } from '../types';

export interface Choice<T extends string = string> {
  value: T;
  label: string;
  description?: string;
}

export function kinds(): Array<Choice<Kind>> {
  return [
    {
      value: 'metrics',
      label: t('kind.metrics', 'Metrics'),
      description: t('kind.metrics-description', 'Readings over time, by PromQL'),
    },
    {
      value: 'hazards',
      label: t('kind.hazards', 'Hazards'),
      description: t('kind.hazards-description', 'What is wrong in the city, and what was'),
    },
    {
      value: 'assets',
      label: t('kind.assets', 'Assets'),
      description: t('kind.assets-description', 'What stands where, and how it is'),
    },
    {
      value: 'events',
      label: t('kind.events', 'Events'),
      description: t('kind.events-description', 'What cameras and people reported'),
    },
    {
      value: 'anomalies',
      label: t('kind.anomalies', 'Anomalies'),
      description: t('kind.anomalies-description', 'What detectors expected, and what came'),
    },
    {
      value: 'response',
      label: t('kind.response', 'Response'),
      description: t('kind.response-description', 'How long it took to put hazards right'),
    },
  ];
}

export function severities(): Choice[] {
  return [
    { value: 'critical', label: t('severity.critical', 'Critical') },
    { value: 'warning', label: t('severity.warning', 'Warning') },
    { value: 'info', label: t('severity.info', 'Info') },
  ];
}

export function states(): Choice[] {
  return [...severities(), { value: 'ok', label: t('state.ok', 'OK') }];
}

export function statuses(): Choice[] {
  return [
    { value: 'open', label: t('status.open', 'Open') },
    { value: 'resolved', label: t('status.resolved', 'Resolved') },
  ];
}

export function domains(): Choice[] {
  return [
    { value: 'gas', label: t('domain.gas', 'Gas') },
    { value: 'bridge', label: t('domain.bridge', 'Bridges') },
    { value: 'tunnel', label: t('domain.tunnel', 'Tunnels') },
    { value: 'road', label: t('domain.road', 'Roads') },
    { value: 'drainage', label: t('domain.drainage', 'Drainage') },
    { value: 'water', label: t('domain.water', 'Water supply') },
    { value: 'lighting', label: t('domain.lighting', 'Lighting') },
    { value: 'landscape', label: t('domain.landscape', 'Landscaping') },
    { value: 'parking', label: t('domain.parking', 'Parking') },
    { value: 'camera', label: t('domain.camera', 'Cameras') },
    { value: 'device', label: t('domain.device', 'Devices') },
  ];
}

export function teams(): Choice[] {
  return [
    { value: 'sanitation', label: t('team.sanitation', 'Sanitation') },
    { value: 'municipal', label: t('team.municipal', 'Municipal works') },
    { value: 'landscape', label: t('team.landscape', 'Landscaping') },
    { value: 'urban_management', label: t('team.urban_management', 'Urban management') },
    { value: 'volunteers', label: t('team.volunteers', 'Volunteers') },
  ];
}

/** The word that people read for a value of a field: 未结 for status open. What is not known stays as it is. */
export function wordOf(field: string, value: string): string {
  return known(field).find((choice) => choice.value === value)?.label ?? value;
}

function known(field: string): Choice[] {
  switch (field) {
    case 'severity':
      return severities();
    case 'state':
      return states();
    case 'status':
      return statuses();
    case 'domain':
      return domains();
    case 'team':
      return teams();
    default:
      return [];
  }
}

/** The word for a filter that excludes another. */
export function not(word: string): string {
  return t('filter.not', 'not {{word}}', { word });
}

/** What hazards and response times may be counted by. */
export function groups<T extends string>(of: readonly T[]): Array<Choice<T>> {
  const labels: Record<string, string> = {
    severity: t('field.severity', 'Severity'),
    domain: t('field.domain', 'Domain'),
    team: t('field.team', 'Team'),
    street: t('field.street', 'Street'),
    district: t('field.district', 'District'),
    rule: t('field.rule', 'Rule'),
    status: t('field.status', 'Status'),
    state: t('field.state', 'State'),
    asset: t('field.asset', 'Asset'),
    kind: t('field.kind', 'Kind of event'),
    metrics: t('field.metrics', 'Metrics to add'),
  };
  return of.map((value) => ({ value, label: labels[value] ?? value }));
}

export function fieldLabel(field: string): string {
  return groups([field])[0].label;
}

export function variables(): Array<Choice<VariableOf>> {
  return [
    { value: 'domains', label: t('variable.domains', 'Domains') },
    { value: 'districts', label: t('variable.districts', 'Districts') },
    { value: 'streets', label: t('variable.streets', 'Streets') },
    { value: 'teams', label: t('variable.teams', 'Teams') },
    { value: 'assets', label: t('variable.assets', 'Assets') },
    { value: 'label_values', label: t('variable.label_values', 'Values of a label') },
    { value: 'metrics', label: t('variable.metrics', 'Metrics') },
  ];
}
