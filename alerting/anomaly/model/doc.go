// Package model has the models of detectors. A model looks at the values of one series, or of several that belong
// together, one instant after the other, and says of each how unusual it is. It does so in constant time and memory,
// learns while it goes, needs no past in advance, and knows nothing of labels, files and storage.
//
// A score over 1 is an anomaly, for every model and every series.
package model
