// Package trial judges detectors: it makes series with anomalies of known place, puts faults into real ones, and says
// how well scores find them.
//
// Everything is drawn from a seed, so that two runs judge by the same series.
package trial
