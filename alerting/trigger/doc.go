// Package trigger says which samples wake which rules.
//
// From the expression of each rule it makes a Plan: which series the expression
// reads, what of a series' samples can change the result (only a change of the
// truth of a comparison, or any sample), and whether the expression falls into
// parts that know nothing of each other, so that one of them can be evaluated
// alone. An Index holds the plans of all rules and finds, for a series, whom its
// samples wake.
package trigger
