// Package evaluate runs the rules by upstream's rules manager and sends their
// alerts on, with what people need to know added.
//
// Upstream evaluates each group on its interval, keeps `for` state over a
// restart (in the series ALERTS_FOR_STATE) and over a reload, and resends what
// fires. When an alert begins to fire, this package adds who answers for the
// asset, from the catalog, and which reading broke which limit, from the rule's
// expression and the store. That is decided once and kept until the alert is
// resolved, so that Alertmanager never sees an alert change its identity.
package evaluate
