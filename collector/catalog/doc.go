// Package catalog is the asset register: what stands where, who answers for it,
// and its own thresholds. It is read from YAML and CSV files as a whole,
// checked as a whole, and never changes afterwards; a new state is a new
// Catalog. It knows nothing of storage and of rules.
package catalog
