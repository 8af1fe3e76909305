// Package recorded reads public data sets on which detectors are tried: the air of a street and car parks, of which it has
// a part, and the water loop of SKAB, whose licence keeps it out of here.
package recorded
