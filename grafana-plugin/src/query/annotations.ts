import { type AnnotationQuery, type AnnotationSupport } from '@grafana/data';
import { PARTS } from './defaults';
import { type BelfryQuery } from '../types';

/** Marks on panels: hazards from their beginning to their end, or whatever another kind of query gives. */
export const BelfryAnnotations: AnnotationSupport<BelfryQuery> = {
  prepareAnnotation(json: AnnotationQuery<BelfryQuery>) {
    if (!json.target) {
      json.target = defaultAnnotation();
    }
    return json;
  },
  prepareQuery(annotation: AnnotationQuery<BelfryQuery>) {
    const query: BelfryQuery = { ...(annotation.target ?? defaultAnnotation()), refId: 'Anno', live: false };
    switch (query.kind) {
      case 'hazards':
        return { ...query, hazards: { ...query.hazards, show: 'annotations' } };
      case 'events':
        return { ...query, events: { ...query.events, show: 'annotations' } };
      default:
        return query;
    }
  },
  getDefaultQuery: defaultAnnotation,
};

function defaultAnnotation(): BelfryQuery {
  return { refId: 'Anno', kind: 'hazards', hazards: { ...PARTS.hazards, status: [], severity: ['critical'] } };
}
