// Package metric says what metrics mean: their unit, an explanation in both
// languages, and the domain of what has them. Names that it has not heard of are
// known by the unit at their end.
package metric
