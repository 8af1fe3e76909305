// Package evaluate runs rules and sends their alerts on, with what people need to
// know added.
//
// A rule is evaluated by upstream's engine: as a whole on the interval of its
// group, and where a sample may change its result, or an alert comes due, at once
// and only for the part of it that is concerned (see package trigger). What
// becomes of the result are upstream's own steps, kept for each part apart. A
// file keeps the alerts over a restart, and a reload takes them over.
//
// When an alert begins to fire, this package adds who answers for the asset, from
// the catalog, and which reading broke which limit, from the rule's expression
// and the store. That is decided once and kept until the alert is resolved, so
// that Alertmanager never sees an alert change its identity.
package evaluate
